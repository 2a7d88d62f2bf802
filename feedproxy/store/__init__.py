"""Store articles, the fetch queue and the state of each channel's polls in an SQL database.

No other package imports SQLAlchemy. `open_store` returns the store for the poller, which writes
everything; `open_web_store` returns it for the web side, where the database accepts writes to the
table of readers' requests only. `move` copies a whole store to another database, also to one of
another engine.
"""

from feedproxy.store.archive import PAGE_ENTRIES, Archive
from feedproxy.store.coordination import Clock, HostBudget, Lease
from feedproxy.store.copying import move
from feedproxy.store.opening import open_store, open_web_store
from feedproxy.store.records import Records
from feedproxy.store.schedule import Schedule
from feedproxy.store.search import INDEX_BATCH, Search
from feedproxy.store.serials import Serials
from feedproxy.store.sql import Store

__all__ = [
    "INDEX_BATCH",
    "PAGE_ENTRIES",
    "Archive",
    "Clock",
    "HostBudget",
    "Lease",
    "Records",
    "Schedule",
    "Search",
    "Serials",
    "Store",
    "move",
    "open_store",
    "open_web_store",
]
