"""Store articles, the fetch queue and the state of each channel's polls in an SQL database.

No other package imports SQLAlchemy. `Library` is the interface for readers, `WebStore` adds what
the web side needs, `Store` what the poller needs. `open_store` returns the SQL implementation of
all three, `open_web_store` one for the web side. `move` copies a whole store to another database,
also to one of another engine.
"""

from feedproxy.store.archive import PAGE_ENTRIES, Archive
from feedproxy.store.copying import move
from feedproxy.store.opening import open_store, open_web_store
from feedproxy.store.polling import HostBudget, Lease, Records, Schedule, Serials
from feedproxy.store.ports import Clock, Library, Store, WebStore
from feedproxy.store.search import LOT as SEARCH_LOT
from feedproxy.store.search import Search
from feedproxy.store.sql import SqlStore

__all__ = [
    "PAGE_ENTRIES",
    "SEARCH_LOT",
    "Archive",
    "Clock",
    "HostBudget",
    "Lease",
    "Library",
    "Records",
    "Schedule",
    "Search",
    "Serials",
    "SqlStore",
    "Store",
    "WebStore",
    "move",
    "open_store",
    "open_web_store",
]
