"""Characters that nobody sees: in no title or name that is kept, and escaped where a terminal shows what upstream sent."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from feedproxy import cli
from feedproxy.characters import visible, without_hidden
from feedproxy.cli.console import print_table, say
from feedproxy.errors import UpstreamError
from feedproxy.ingest.drafts import make_article, make_excerpt
from feedproxy.model import (
    ArticleId,
    DirtyHtml,
    Extract,
    ListingItem,
    Mirror,
    Origin,
    Page,
    Picture,
    Statement,
    Url,
    Waiting,
)
from feedproxy.parse import parse_listing
from feedproxy.urls import plain_tag

NOW = datetime(2021, 6, 1, tzinfo=UTC)
URL = Url("http://news.example/21/5/9/n900.htm")
# Controls, bidi embeddings, overrides and isolates, characters of no width, tags.
HIDDEN = "\x00\x07\x1b\x7f\x84\x9b\x9f\xad\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2069\u202a\u202e\ufeff\U000e0041"
NEEDED = [
    "می\u200cخواهم",
    "क्\u200dष",
    "שלום\u200f!",
    "ภาษา\u200bไทย",
    "👩\u200d💻 ❤\ufe0f\u200d🔥",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "石桥  百年\u3000重修 — “é”",
]


@pytest.mark.parametrize("text", NEEDED)
def test_what_a_script_or_an_emoji_needs_stays(text: str) -> None:
    assert without_hidden(text) == text


@given(st.text(alphabet=st.sampled_from(f"石a {HIDDEN}\u2028\x85\n"), max_size=20))
def test_nothing_hidden_is_left_and_nothing_that_is_seen_is_lost(text: str) -> None:
    clean = without_hidden(text)
    assert without_hidden(clean) == clean
    assert all(each.isprintable() or each == "\n" for each in clean)
    assert [each for each in clean if each in "石a"] == [each for each in text if each in "石a"]
    assert visible(text).isprintable()


@pytest.mark.parametrize("hidden", HIDDEN)
def test_no_title_or_name_that_is_kept_holds_hidden_characters(mirror: Mirror, hidden: str) -> None:
    dirty = f"{hidden}石{hidden}{hidden}桥{hidden}"
    picture = Picture(Url("http://news.example/a.png"), dirty, dirty)
    tags = (plain_tag(dirty) or "",)
    stated = Statement(dirty, NOW, authors=(dirty,), tags=tags, summary=dirty, picture=picture)
    extract = Extract(DirtyHtml("<p>石桥</p>"), "rule", {Origin.RULES: stated})
    item = ListingItem(ArticleId("n900"), URL, dirty, NOW, dirty)
    site = mirror.sites[0]
    made = make_article([(Page(URL, b""), extract)], item, site, mirror, NOW).article
    stand_in = make_excerpt(Waiting(item, seen=NOW), site, mirror, NOW)
    names = (made.title, *made.authors, *made.tags, made.summary, stand_in.title, stand_in.summary)
    shown = (made.picture.alt, made.picture.caption) if made.picture else ()
    assert {*names, *shown} == {"石桥"}


@pytest.mark.parametrize(
    ("kind", "url", "body"),
    [
        ("mirror", "http://m.example/indexes/city.csv", "n900,{}\n"),
        ("mirror", "http://m.example/indexes/city/README.md", "- [{}](../../pages/city/n900.md)\n"),
        (
            "feedproxy",
            "http://m.example/f.json",
            '{{"items": [{{"external_url": "' + URL + '", "title": "{}"}}]}}',
        ),
        (
            "feed",
            "http://m.example/f.xml",
            "<rss><channel><item><title>{}</title><link>" + URL + "</link></item></channel></rss>",
        ),
    ],
)
def test_no_headline_of_a_listing_holds_hidden_characters(
    mirror: Mirror, kind: str, url: str, body: str
) -> None:
    page = Page(Url(url), body.format("石\u202e\u2066\x9b\u200b桥").encode())
    assert [item.title for item in parse_listing(page, mirror.sites[0], kind).items] == ["石桥"]


HOSTILE = "石\x1b[2K\x9b31m\u202e桥\r[/red][link=http://elsewhere.example]:boom:"


def test_what_upstream_sent_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say({"title": HOSTILE}, f"title {HOSTILE}\nmore", is_json=False)
    say({"title": HOSTILE}, "", is_json=True)
    print_table(Table("title"), [(HOSTILE,)], [HOSTILE])
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))
    assert out.split("\n")[1] == "more"
    assert json.loads(out.split("\n")[2]) == {"title": HOSTILE}
    assert out.count("[/red][link=http://elsewhere.example]:boom:") == 4


def test_an_error_that_quotes_upstream_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: bool) -> None:
        raise UpstreamError(URL, HOSTILE)

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(SystemExit):
        cli.main()
    line = capsys.readouterr().err
    assert line.endswith("\n")
    assert line[:-1].isprintable()
