"""A mirror of the invented site that stands still: harvested once, for tests that only ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fakes import NOW, open_calm_fetcher
from flask import Flask
from newsroom import BASE, HOST, STORIES, Story, open_newsroom, write_config

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Mirror
from feedproxy.sign import make_key, write_secret_key
from feedproxy.store import Store, open_store
from feedproxy.web import create_app

PAGE = "/town/blob/master/pages/city/n102.md"
# Linked to, and not held.
MISSING = "/town/blob/master/pages/books/n900.md"
_LINKING = Story(
    "n901",
    "21/5/6",
    "风筝又飞起来了",
    f'一年前的<a href="{BASE}/20/1/1/n900.htm">集市</a>还在人们心里。',
    ("books",),
)


@dataclass(frozen=True)
class Standing:
    """The mirror, its store, and the name of a picture that it holds."""

    settings: Settings
    mirror: Mirror
    store: Store
    media: FolderMedia
    picture: str

    def app(self, **settings: object) -> Flask:
        """Return the web side, with other *settings* where they are given."""
        changed = self.settings.model_copy(update=settings)
        return create_app(
            changed, self.mirror, self.store, self.media, lambda: NOW + timedelta(minutes=1)
        )


@contextmanager
def open_standing(
    folder: Path, stories: tuple[Story, ...] = (*STORIES, _LINKING)
) -> Iterator[Standing]:
    with open_newsroom() as newsroom:
        newsroom.stories = stories
        settings = Settings(
            config=write_config(folder / "config"),
            data=folder / "var",
            origins={HOST: newsroom.origin},
            signing_key=write_secret_key(make_key(bytes(range(40)))),
        )
        mirror, media = load_mirror(settings.config), FolderMedia(settings.media)
        store, fetcher = (
            open_store(settings.store_url, settings.data),
            open_calm_fetcher(settings, mirror),
        )
        channel_poller = ChannelPoller(Services(mirror, store, fetcher, media, lambda: NOW))
        for channel in mirror.channels:
            assert channel_poller.backfill(channel, pages=9).failures == []
        fetcher.close()
    yield Standing(settings, mirror, store, media, min(media.names()))
    store.close()
