"""`python -m bench.modules`: the modules of feedproxy that a poll without news and a feed pass through.

How much a newcomer has to open to follow one flow. A module counts if one of its functions is
called; the invented site of the tests is the upstream.
"""

import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType

from fakes import NOW, open_calm_fetcher
from newsroom import HOST, open_newsroom, write_config

import feedproxy
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import Poller, Services
from feedproxy.media import FolderMedia
from feedproxy.store import open_store
from feedproxy.web import create_app

_PACKAGE = Path(feedproxy.__file__).parent


def modules_of(work: Callable[[], object]) -> list[str]:
    """Return the files of feedproxy with a function that *work* calls, in any thread, sorted."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        # A class body or a generator expression is no function that a reader looks up.
        if event == "call" and not frame.f_code.co_name.startswith("<"):
            files.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return sorted(
        str(Path(file).relative_to(_PACKAGE))
        for file in files
        if Path(file).is_relative_to(_PACKAGE)
    )


def measure(folder: Path) -> dict[str, list[str]]:
    """Return the modules of each flow, by its name."""
    now = NOW
    with open_newsroom() as newsroom:
        settings = Settings(
            config=write_config(folder / "config"),
            data=folder / "data",
            origins={HOST: newsroom.origin},
        )
        mirror, media = load_mirror(settings.config), FolderMedia(settings.media)
        store = open_store(settings.store_url, settings.data)
        fetcher = open_calm_fetcher(settings, mirror)
        poller = Poller(Services(mirror, store, fetcher, media, lambda: now), "bench")
        for _ in range(3):  # stores the articles, and checks them for corrections
            poller.step()
            now += timedelta(days=2)
        flows = {"a poll without news": modules_of(poller.step)}
        fetcher.close()
        client = create_app(settings, mirror, store, media, lambda: now).test_client()
        path = f"/feed/{mirror.sections[0].name}.xml"
        flows["a cold feed"] = modules_of(lambda: client.get(path))
        client.get(path)  # the cache notes the store's change counter
        flows["a warm feed"] = modules_of(lambda: client.get(path))
        store.close()
    return flows


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        for name, modules in measure(Path(folder)).items():
            print(f"{name}: {len(modules)}")
            print(*(f"  {module}" for module in modules), sep="\n")


if __name__ == "__main__":
    main()
