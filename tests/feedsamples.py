"""Invented feeds in the ways in which widespread programs write them, and what each entry states."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape

HOST = "harbour.example"
BASE = f"http://{HOST}"
TITLES = ("The lamp is lit again", "A quiet tide", "Nets & knots")
WORDS = "The keeper climbed the stairs before dawn and lit the lamp, as his father had done. "
_NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
    'xmlns:atom="http://www.w3.org/2005/Atom"'
)


@dataclass(frozen=True)
class Told:
    """What an entry states; *text* is a part of the text that its article has."""

    number: int
    title: str
    published: datetime | None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    enclosures: tuple[str, ...] = ()
    text: str = ""
    has_page: bool = True

    @property
    def link(self) -> str:
        """The address of its page."""
        return f"{BASE}/{self.number}"

    @property
    def html(self) -> str:
        """Its text as HTML, with a list, code and a link."""
        return (
            f"<p>{self.text} {WORDS * 3}</p><h2>Later</h2><ul><li>one</li><li>two</li></ul>"
            f'<p>{WORDS}<a href="http://elsewhere.example/{self.number}">more</a> <code>x &lt; y</code></p>'
        )

    @property
    def rfc822(self) -> str:
        """Its date as RSS writes it."""
        return f"{self.published:%a, %d %b %Y %H:%M:%S} +0000" if self.published else ""

    @property
    def iso(self) -> str:
        """Its date as Atom writes it."""
        return f"{self.published:%Y-%m-%dT%H:%M:%SZ}" if self.published else ""


@dataclass(frozen=True)
class Sample:
    """A feed and its entries; *media_type* is how it is served.

    If it gives only a line of text (not *is_whole*), the pages are waited for.
    """

    body: bytes
    told: tuple[Told, ...]
    media_type: str = "application/xml"
    is_whole: bool = True


_ALL = tuple(
    Told(
        number,
        title,
        datetime(2026, 11, 20 + number, 8, 30, tzinfo=UTC),
        authors=("Ada Moor",),
        tags=("sea", "work"),
        text=f"This is what story {number} tells.",
    )
    for number, title in enumerate(TITLES)
)


def _rss(write: Callable[[Told], str], *, told: tuple[Told, ...] = _ALL, head: str = "") -> Sample:
    items = "".join(f"<item>{write(each)}</item>" for each in told)
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {_NAMESPACES}><channel><title>Harbour</title>'
        f"<link>{BASE}/</link><description>d</description>{head}{items}</channel></rss>"
    )
    return Sample(text.encode(), told)


def _atom(write: Callable[[Told], str], *, told: tuple[Told, ...] = _ALL, head: str = "") -> Sample:
    entries = "".join(f"<entry{write(each)}</entry>" for each in told)
    text = (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:media="http://search.yahoo.com/mrss/" xmlns:thr="http://purl.org/syndication/thread/1.0" '
        f'xmlns:yt="http://www.youtube.com/xml/schemas/2015"{head}><title>Harbour</title><id>urn:harbour</id>'
        f'<updated>2026-11-30T00:00:00Z</updated><link href="{BASE}/"/>{entries}</feed>'
    )
    return Sample(text.encode(), told)


def _json(
    write: Callable[[Told], dict[str, object]],
    *,
    told: tuple[Told, ...] = _ALL,
    version: str = "1.1",
) -> Sample:
    feed = {
        "version": f"https://jsonfeed.org/version/{version}",
        "title": "Harbour",
        "home_page_url": f"{BASE}/",
        "items": [write(each) for each in told],
    }
    return Sample(json.dumps(feed).encode(), told, "application/feed+json")


def _cdata(html: str) -> str:
    return f"<![CDATA[{html}]]>"


def _head(each: Told) -> str:
    return f"<title>{escape(each.title)}</title><link>{each.link}</link>"


def _tags(each: Told, domain: str = "") -> str:
    return "".join(f"<category{domain}>{_cdata(tag)}</category>" for tag in each.tags)


def _creator(each: Told) -> str:
    return "".join(f"<dc:creator>{_cdata(name)}</dc:creator>" for name in each.authors)


def _without(*names: str) -> tuple[Told, ...]:
    empty: dict[str, object] = dict.fromkeys(names, ())
    return tuple(replace(each, **empty) for each in _ALL)  # type: ignore[arg-type]


def _with_sound(suffix: str = "mp3") -> tuple[Told, ...]:
    return tuple(replace(each, enclosures=(f"{BASE}/s/{each.number}.{suffix}",)) for each in _ALL)


def _wordpress(each: Told) -> str:
    return (
        f"{_head(each)}<comments>{each.link}#respond</comments>{_creator(each)}<pubDate>{each.rfc822}</pubDate>"
        f'{_tags(each)}<guid isPermaLink="false">{BASE}/?p={each.number}</guid><description>{_cdata("<p>A beginning [&#8230;]</p>")}'
        f"</description><content:encoded>{_cdata(each.html)}</content:encoded><slash:comments>3</slash:comments>"
    )


def _atom_entry(
    content: str, *, author: bool = True, tags: bool = True, attributes: str = ""
) -> Callable[[Told], str]:
    def write(each: Told) -> str:
        names = "".join(f"<author><name>{name}</name></author>" for name in each.authors)
        terms = "".join(f'<category term="{tag}"/>' for tag in each.tags)
        return (
            f'{attributes}><title type="html">{escape(escape(each.title))}</title><link rel="alternate" type="text/html" href="{each.link}"/>'
            f"<id>tag:{HOST},2026:{each.number}</id><published>{each.iso}</published><updated>{each.iso}</updated>"
            f"{names if author else ''}{terms if tags else ''}"
            + content.format(
                html=escape(each.html),
                xhtml=each.html.replace("&lt;", "&#60;"),
                text=each.text,
                words=WORDS * 3,
                n=each.number,
            )
        )

    return write


def _dated(form: str, hours: int = 0) -> Callable[[Told], str]:
    def write(each: Told) -> str:
        local = (each.published or datetime.now(UTC)) + timedelta(hours=hours)
        return f"{_head(each)}<pubDate>{local.strftime(form)}</pubDate><description>{_cdata(each.html)}</description>"

    return write


def _item(each: Told, **more: object) -> dict[str, object]:
    return {
        "id": each.link,
        "url": each.link,
        "title": each.title,
        "date_published": each.iso,
        **more,
    }


def _rdf() -> Sample:
    items = "".join(
        f'<item rdf:about="{each.link}">{_head(each)}<dc:date>{each.iso}</dc:date>{_creator(each)}'
        f"{''.join(f'<dc:subject>{tag}</dc:subject>' for tag in each.tags)}<content:encoded>{_cdata(each.html)}</content:encoded></item>"
        for each in _ALL
    )
    text = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {_NAMESPACES}>'
        f'<channel rdf:about="{BASE}/"><title>Harbour</title><link>{BASE}/</link><description>d</description></channel>{items}</rdf:RDF>'
    )
    return Sample(text.encode(), _ALL)


def _atom03() -> Sample:
    told = _without("tags")
    entries = "".join(
        f'<entry><title>{escape(each.title)}</title><link rel="alternate" type="text/html" href="{each.link}"/><id>{each.link}</id>'
        f"<issued>{each.iso}</issued><modified>{each.iso}</modified><author><name>Ada Moor</name></author>"
        f'<content type="text/html" mode="escaped">{escape(each.html)}</content></entry>'
        for each in told
    )
    return Sample(
        f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Harbour</title><link rel="alternate" href="{BASE}/"/>{entries}</feed>'.encode(),
        told,
    )


def _rss091() -> Sample:
    told = tuple(replace(each, published=None, authors=(), tags=()) for each in _ALL)
    items = "".join(
        f"<item>{_head(each)}<description>{escape(each.html)}</description></item>" for each in told
    )
    return Sample(
        (
            '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
            f'"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>Harbour</title>'
            f"<link>{BASE}/</link><description>d</description><language>en</language>{items}</channel></rss>"
        ).encode(),
        told,
    )


def _elsewhere(number: int) -> str:
    return f"http://elsewhere.example/{number}"


def _own(*, tags: bool = False, authors: bool = False) -> tuple[Told, ...]:
    return tuple(
        replace(
            each,
            has_page=False,
            tags=each.tags if tags else (),
            authors=each.authors if authors else (),
        )
        for each in _ALL
    )


def _encoded(sample: Sample, encoding: str) -> Sample:
    return replace(sample, body=sample.body.decode().replace("UTF-8", encoding).encode(encoding))


SAMPLES: Mapping[str, Sample] = {
    "WordPress": _rss(_wordpress),
    "WordPress in GB2312": _encoded(_rss(_wordpress), "gb2312"),
    "WordPress in UTF-16": _encoded(_rss(_wordpress), "utf-16"),
    "WordPress as text/html": replace(_rss(_wordpress), media_type="text/html"),
    "WordPress without a type": replace(_rss(_wordpress), media_type=""),
    "Ghost": _rss(
        lambda each: (
            f'{_head(each)}<description>{_cdata("A beginning.")}</description><guid isPermaLink="false">65a{each.number}</guid>'
            f'{_tags(each)}{_creator(each)}<pubDate>{each.rfc822}</pubDate><media:content url="{BASE}/i/{each.number}.jpg" medium="image"/>'
            f"<content:encoded>{_cdata(each.html)}</content:encoded>"
        )
    ),
    "Hugo, full text": _rss(
        lambda each: (
            f"{_head(each)}<pubDate>{each.rfc822}</pubDate><guid>{each.link}</guid><description>{escape(each.html)}</description>"
        ),
        told=_without("authors", "tags"),
    ),
    "Hugo, Atom": _atom(
        _atom_entry('<summary type="html">{html}</summary>', author=False, tags=False),
        told=_without("authors", "tags"),
    ),
    "Jekyll": _atom(
        _atom_entry(
            '<content type="html" xml:base="http://harbour.example/{n}">{html}</content><summary type="html">A beginning.</summary>'
        )
    ),
    "Blogger, Atom": _atom(
        _atom_entry(
            '<link rel="replies" type="text/html" href="http://harbour.example/{n}#c"/><content type="html">{html}</content><thr:total>0</thr:total>'
        )
    ),
    "Blogger, RSS": _rss(
        lambda each: (
            f'<guid isPermaLink="false">tag:blogger.com,1999:blog-1.post-{each.number}</guid><pubDate>{each.rfc822}</pubDate>'
            f"{_tags(each)}{_head(each)}<description>{escape(each.html)}</description><author>noreply@blogger.example (Ada Moor)</author>"
        )
    ),
    "Medium": _rss(
        lambda each: (
            f'<title>{_cdata(escape(each.title))}</title><link>{each.link}?source=rss</link><guid isPermaLink="false">{BASE}/p/{each.number}a</guid>'
            f"{_tags(each)}{_creator(each)}<pubDate>{each.rfc822.replace('+0000', 'GMT')}</pubDate><content:encoded>{_cdata(each.html)}</content:encoded>"
        )
    ),
    "Substack": _rss(
        lambda each: (
            f"<title>{_cdata(escape(each.title))}</title><description>{_cdata('A beginning.')}</description><link>{each.link}</link>"
            f'<guid isPermaLink="false">{each.link}</guid>{_creator(each)}<pubDate>{each.rfc822}</pubDate>'
            f'<enclosure url="{BASE}/i/{each.number}.png" length="0" type="image/jpeg"/><content:encoded>{_cdata(each.html)}</content:encoded>'
        ),
        told=_without("tags"),
    ),
    "Discourse": _rss(
        lambda each: (
            f"{_head(each)}{_creator(each)}{_tags(each)}<description>{_cdata(each.html)}</description><pubDate>{each.rfc822}</pubDate>"
            f'<guid isPermaLink="false">{HOST}-topic-{each.number}</guid><source url="{BASE}/t.rss">Topic</source>'
        )
    ),
    "podcast host": _rss(
        lambda each: (
            f'{_head(each)}<guid isPermaLink="false">ep-{each.number}</guid><pubDate>{each.rfc822}</pubDate><description>{_cdata(each.html)}</description>'
            f'<enclosure url="{BASE}/s/{each.number}.mp3" length="12345" type="audio/mpeg"/><itunes:author>Ada Moor</itunes:author>'
            f"<itunes:keywords>sea,work</itunes:keywords><itunes:duration>1:02:03</itunes:duration><itunes:summary>short</itunes:summary>"
        ),
        told=_with_sound(),
    ),
    "podcast host, relative": _rss(
        lambda each: (
            f"{_head(each)}<pubDate>{each.rfc822}</pubDate>{_creator(each)}{_tags(each)}<description>{_cdata(each.html)}</description>"
            f'<enclosure url="/s/{each.number}.mp4" type="video/mp4"/>'
        ),
        told=_with_sound("mp4"),
    ),
    "YouTube": replace(
        _atom(
            lambda each: (
                f'><id>yt:video:{each.number}</id><title>{escape(each.title)}</title><link rel="alternate" href="{each.link}"/>'
                f"<author><name>Ada Moor</name><uri>{BASE}/c</uri></author><published>{each.iso}</published><updated>{each.iso}</updated>"
                f'<media:group><media:title>t</media:title><media:content url="{BASE}/v/{each.number}" type="application/x-shockwave-flash"/>'
                f'<media:thumbnail url="{BASE}/i/{each.number}.jpg" width="480" height="360"/><media:description>{each.text} {WORDS * 3}</media:description></media:group>'
            ),
            told=_without("tags"),
        ),
        is_whole=False,
    ),
    "Mastodon": _rss(
        lambda each: (
            f'<guid isPermaLink="true">{each.link}</guid><link>{each.link}</link><pubDate>{each.rfc822}</pubDate>'
            f"<description>{escape(each.html)}</description>{_tags(each)}"
        ),
        told=tuple(replace(each, title=each.text[:20], authors=()) for each in _ALL),
    ),
    "GitHub releases": _atom(
        _atom_entry(
            '<content type="html">{html}</content><media:thumbnail height="30" width="30" url="http://harbour.example/a.png"/>',
            tags=False,
        ),
        told=_without("tags"),
    ),
    "Drupal": _rss(
        lambda each: (
            f"{_head(each)}<description>{escape(each.html)}</description><pubDate>{each.rfc822}</pubDate>{_creator(each)}"
            f'<guid isPermaLink="false">{each.number} at {BASE}</guid><comments>{each.link}#comments</comments>'
        ),
        told=_without("tags"),
    ),
    "Typo3": _rss(
        lambda each: (
            f'<guid isPermaLink="false">news-{each.number}</guid><pubDate>{each.rfc822}</pubDate>{_head(each)}<description>short</description>'
            f"<content:encoded>{_cdata(each.html)}</content:encoded>{_tags(each)}<author>ada@harbour.example (Ada Moor)</author>"
        )
    ),
    "Discuz in GBK": replace(
        _encoded(
            _rss(
                lambda each: (
                    f"{_head(each)}<description>{_cdata(each.text + WORDS)}</description><category>sea</category><author>Ada Moor</author><pubDate>{each.rfc822}</pubDate>"
                ),
                told=tuple(replace(each, tags=("sea",)) for each in _ALL),
            ),
            "gbk",
        ),
        is_whole=False,
    ),
    "PHP script, no zone": _rss(_dated("%Y-%m-%d %H:%M:%S"), told=_without("authors", "tags")),
    "PHP script, slashes": _rss(_dated("%Y/%m/%d %H:%M:%S"), told=_without("authors", "tags")),
    "PHP script, dots": _rss(_dated("%Y.%m.%d %H:%M"), told=_without("authors", "tags")),
    "PHP script, Chinese date": _rss(
        _dated("%Y年%m月%d日 %H:%M"), told=_without("authors", "tags")
    ),
    "PHP script, GMT+8": _rss(
        _dated("%a, %d %b %Y %H:%M:%S GMT+8", 8), told=_without("authors", "tags")
    ),
    "PHP script, German date": _rss(
        _dated("%d. November %Y %H:%M"), told=_without("authors", "tags")
    ),
    "JSON Feed 1.1": _json(
        lambda each: _item(
            each,
            content_html=each.html,
            authors=[{"name": "Ada Moor"}],
            tags=["sea", "work"],
            attachments=[
                {
                    "url": f"{BASE}/s/{each.number}.mp3",
                    "mime_type": "audio/mpeg",
                    "duration_in_seconds": 60,
                }
            ],
            language="en",
        ),
        told=_with_sound(),
    ),
    "JSON Feed 1.0": _json(
        lambda each: _item(each, content_html=each.html, author={"name": "Ada Moor"}),
        told=_without("tags"),
        version="1",
    ),
    "JSON Feed of text": _json(
        lambda each: _item(each, content_text=f"{each.text} {WORDS * 3}\n\n{WORDS}"),
        told=_without("authors", "tags"),
    ),
    "JSON Feed by PHP": replace(
        (
            made := _json(
                lambda each: _item(each, content_html=each.html), told=_without("authors", "tags")
            )
        ),
        body=made.body.replace(b"/", b"\\/"),
    ),
    "RSS 0.91": _rss091(),
    "RSS 1.0": _rdf(),
    "Atom 0.3": _atom03(),
    "Atom, XHTML": _atom(
        _atom_entry(
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{xhtml}</div></content>'
        )
    ),
    "Atom, text": _atom(_atom_entry('<content type="text">{text} {words}</content>')),
    "Atom, several authors": _atom(
        _atom_entry('<content type="html">{html}</content>'),
        told=tuple(replace(each, authors=("Ada Moor", "Ben Rook")) for each in _ALL),
    ),
    "Atom with a prefix": Sample(
        _atom(_atom_entry('<content type="html">{html}</content>'))
        .body.decode()
        .replace("</", "</a:")
        .replace("<a:/", "</")
        .replace('xmlns="', 'xmlns:a="')
        .replace("<feed", "<a:feed")
        .replace("<entry", "<a:entry")
        .replace("<title", "<a:title")
        .replace("<link", "<a:link")
        .replace("<id", "<a:id")
        .replace("<published", "<a:published")
        .replace("<updated", "<a:updated")
        .replace("<author", "<a:author")
        .replace("<name", "<a:name")
        .replace("<category", "<a:category")
        .replace("<content", "<a:content")
        .encode(),
        _ALL,
    ),
    "FeedBurner": _rss(
        lambda each: (
            f"<title>{escape(each.title)}</title><link>http://feeds.burner.example/~r/{each.number}</link>{_creator(each)}{_tags(each)}"
            f'<guid isPermaLink="false">g{each.number}</guid><pubDate>{each.rfc822}</pubDate><description>{_cdata(each.html)}</description>'
            f"<feedburner:origLink>{each.link}</feedburner:origLink>"
        )
    ),
    "link blog": _rss(
        lambda each: (
            f'<title>{escape(each.title)}</title><link>{_elsewhere(each.number)}</link><guid isPermaLink="false">l{each.number}</guid>'
            f"<pubDate>{each.rfc822}</pubDate><description>{_cdata(each.html)}</description>"
        ),
        told=_own(),
    ),
    "news aggregator": _rss(
        lambda each: (
            f"<title>{escape(each.title)}</title><link>{_elsewhere(each.number)}</link><comments>{BASE}/item?id={each.number}</comments>"
            f"<pubDate>{each.rfc822}</pubDate><description>{_cdata(each.text)}</description>"
        ),
        told=_own(),
    ),
    "changelog": _rss(
        lambda each: (
            f'<title>{escape(each.title)}</title><link>{BASE}/changes#v{each.number}</link><guid isPermaLink="false">v{each.number}</guid>'
            f"<pubDate>{each.rfc822}</pubDate><description>{_cdata(each.html)}</description>"
        ),
        told=_own(),
    ),
    "notes without links": _rss(
        lambda each: (
            f"<title>{escape(each.title)}</title><pubDate>{each.rfc822}</pubDate><description>{_cdata(each.html)}</description>"
        ),
        told=_own(),
    ),
    "notes with ids only": _atom(
        lambda each: (
            f"><title>{escape(each.title)}</title><id>urn:note:{each.number}</id><updated>{each.iso}</updated>"
            f'<author><name>Ada Moor</name></author><content type="html">{escape(each.html)}</content>'
        ),
        told=_own(authors=True),
    ),
}
