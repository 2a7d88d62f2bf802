"""The store: what is held, what waits, and how each channel's polls went. The only room that imports SQLAlchemy.

`Library` is what readers need, `WebStore` what the web side needs besides, `Store` what the poller does; `open_store` makes the
SQL implementation of all, `open_web_store` one for the web side. `move` copies all that one holds to another engine.
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
