"""A real browser shows an export in the form html from a plain file server: whole, and it asks nobody else."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from newsroom import STORIES, open_newsroom
from playwright.sync_api import Browser
from serving import serving
from test_browser import CHROMIUM, DESK, PHONE, Visitor, browser
from test_export import House

from feedproxy.export import export
from feedproxy.model import ExportFormat

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
__all__ = ["browser"]


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("browser")
    with open_newsroom() as room:
        house = House(room, folder / "house")
    export(house.order(ExportFormat.HTML), house.store, folder / "www" / "mirror")
    house.store.close()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder / "www")))
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/mirror"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_reader_clicks_through_plain_files_and_never_leaves(
    address: str, browser: Browser, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size)  # type: ignore[arg-type]
    reader = Visitor(context.new_page(), address, size["width"])
    reader.open("/index.html")
    for link, heading in [
        ("文苑", "文苑"),
        (STORIES[3].title, STORIES[3].title),
        ("读书", "读书"),
        (STORIES[1].title, STORIES[1].title),
        ("城事", "城事"),
        ("3", "城事"),
        ("1", "城事"),
        (STORIES[0].title, STORIES[0].title),
        ("A/B", "A/B"),
        (STORIES[0].title, STORIES[0].title),
        ("首页", "山城"),
    ]:
        reader.click(link)
        assert reader.heading == heading
    assert reader.seen["pictures"] > 3
    assert (reader.elsewhere, reader.said) == ([], [])
    context.close()
