"""Prove that the feed validator accepts a good feed and names what is wrong with each bad one."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from feedcheck import check_atom, check_json_feed, check_rss

SCHEMAS = Path(__file__).resolve().parents[2] / "shared" / "schemas"
needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the shared schemas are not here")

HTML = '<p>村口的<a href="https://example.org/n?a=1&amp;b=2">石桥</a>修好了。</p><img src="https://example.org/a.jpg">'
ESCAPED = HTML.replace("&", "&amp;").replace("<", "&lt;")

RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
     xmlns:fh="http://purl.org/syndication/history/1.0">
<channel><title>山村消息</title><link>https://example.org/</link><description>山村里的事</description>
<language>zh-Hans-CN</language><lastBuildDate>Mon, 01 Mar 2021 08:00:00 +0800</lastBuildDate><ttl>60</ttl>
<generator>手写</generator><docs>https://www.rssboard.org/rss-specification</docs><category>乡村</category>
<image><url>https://example.org/i.png</url><title>山村消息</title><link>https://example.org/</link></image>
<atom:link rel="self" href="https://example.org/feed.xml" type="application/rss+xml"/>
<item><title>石桥修好了</title><link>https://example.org/n1?n1</link><description>&lt;p&gt;摘要&lt;/p&gt;</description>
<dc:creator>王小石</dc:creator><category>石桥</category><guid isPermaLink="false">n1-2021</guid>
<pubDate>Sun, 28 Feb 2021 23:00:00 GMT</pubDate><content:encoded>{ESCAPED}</content:encoded>
<enclosure url="https://example.org/a.jpg" length="0" type="image/jpeg"/>
<media:content url="https://example.org/a.jpg" medium="image" type="image/jpeg"/></item>
<item><title>AT&amp;T 与 &#x3C;b></title><guid>https://example.org/n2</guid><author>a@example.org (李四)</author></item>
</channel></rss>
"""
PROLOG, ITEM = '<?xml version="1.0" encoding="UTF-8"?>', "<item><title>石桥修好了</title>"
GUID, ENCODED = '<guid isPermaLink="false">n1-2021</guid>', f"<content:encoded>{ESCAPED}"
SELF = '<atom:link rel="self" href="https://example.org/feed.xml" type="application/rss+xml"/>'
MEDIA = '<media:content url="https://example.org/a.jpg" medium="image" type="image/jpeg"/>'
DATE = "Sun, 28 Feb 2021 23:00:00 GMT"

RSS_MUTATIONS = [
    (PROLOG, '<?xml version="1.0" encoding="GB18030"?>', "declared as GB18030"),
    (PROLOG, f"{PROLOG}<!DOCTYPE rss>", "DTD"),
    ("山村里的事", "山\x0b村", "not well-formed"),
    ("山村里的事", "山\x85村", "U+0085"),
    ("山村里的事", "山\ufffd村", "U+FFFD"),
    ("</channel>", "", "not well-formed"),
    ('version="2.0" ', 'version="0.91" ', "version: not one of 2.0"),
    ('version="2.0" ', "", "attribute version is missing"),
    ("</channel>", "</channel><channel/>", "channel stands 2 times"),
    ("<title>山村消息</title><link>", "<link>", "rss/channel: element title is missing"),
    ("</title><link>https://example.org/</link>", "</title>", "rss/channel: element link is missing"),
    ("<description>山村里的事</description>", "", "rss/channel: element description is missing"),
    ("<description>山村里的事", "<description> ", "channel/description: blank"),
    ("<ttl>", "<title>又一个</title><ttl>", "title stands 2 times"),
    ("</title><link>https://example.org/<", "</title><link>/<", "channel/link: not an absolute http"),
    ("https://example.org/n1?n1", "https://example.org/石桥", "item[1]/link: not an absolute http"),
    ("https://example.org/n1?n1", "ftp://example.org/n1", "item[1]/link: not an absolute http"),
    ("zh-Hans-CN", "zh_CN", "language: not a language tag"),
    ("zh-Hans-CN", "chinese", "language: not a language tag"),
    ("Mon, 01 Mar 2021", "Tue, 01 Mar 2021", "weekday should be Mon"),
    (DATE, "Sun, 28 Feb 21 23:00:00 GMT", "pubDate: bad date: not an RFC 822"),
    (DATE, "Sun, 28 Feb 2021 23:00:00 CST8", "pubDate: bad date: not an RFC 822"),
    (DATE, "Sun, 28 Feb 2021 23:00:00", "pubDate: bad date: not an RFC 822"),
    (DATE, "2021-02-28T23:00:00Z", "pubDate: bad date: not an RFC 822"),
    (DATE, "30 Feb 2021 23:00:00 GMT", "pubDate: bad date: day is out of range"),
    (DATE, "Sun, 28 Feb 1904 23:00:00 GMT", "pubDate: bad date: a year out of"),
    ("01 Mar 2021", "01 Mar 2117", "lastBuildDate: bad date: a year out of"),
    (DATE, "Mon, 01 Mar 2021 00:00:01 GMT", "later than the channel's lastBuildDate"),
    ("<ttl>60", "<ttl>0", "ttl: not a positive integer"),
    (SELF, "", "stands 0 times, not once"),
    (SELF, SELF * 2, "stands 2 times, not once"),
    (SELF, SELF.replace("https://example.org", ""), 'rel="self": href: not an absolute http'),
    (SELF, SELF.replace("rss+xml", "xml"), "type is not application/rss+xml"),
    (SELF, f"{SELF}<fh:archive/>", "fh:archive without a link rel=current"),
    (SELF, f"{SELF}{SELF.replace('self', 'next')}<fh:complete/>", "fh:complete together with link rel=next"),
    ("<ttl>", "<hits>1</hits><ttl>", "element hits is not known here"),
    ("<ttl>", "又<ttl>", "text between the elements"),
    ("<ttl>", '<ttl unit="m">', "attribute unit is not known"),
    ("<ttl>", "<skipHours><hour>24</hour></skipHours><ttl>", "not an hour"),
    ("<ttl>", "<textInput/><ttl>", "element textInput is not known here"),
    ("<ttl>", "<managingEditor>王小石</managingEditor><ttl>", "managingEditor: not an email address"),
    ("<docs>https:", "<docs>", "docs: not an absolute http"),
    ("<title>山村消息</title><link>https://example.org/</link></image>", "</image>", "image: element title is missing"),
    ("<title>山村消息</title><link>https://example.org/</link></image>",
     "<title>山村</title><link>https://example.org/</link></image>", "title is not the title of the channel"),
    ("</channel>", "<copyright>王</copyright></channel>", "stands after an item"),
    ("<title>石桥修好了</title>", "<title>&lt;b>石桥&lt;/b></title>", "item[1]/title: plain text holds HTML"),
    ("<title>石桥修好了</title>", "<title>石桥&amp;nbsp;</title>", "item/title: HTML or an unescaped"),
    ("&#x3C;b>", "&lt;b>", "item/title: HTML or an unescaped"),
    ("<title>AT&amp;T 与 &#x3C;b></title>", "", "neither title nor description"),
    *((ITEM, f"{ITEM}<{name}>", f"element {name.split('>')[0]} stands 2 times") for name in (
        "title>又</title", "link>https://example.org/</link", "description>又</description", "guid>https://a.org</guid",
        f"pubDate>{DATE}</pubDate", "content:encoded>又</content:encoded")),
    ("</author>", "</author><author>b@example.org (王)</author>", "author stands 2 times"),
    ("<media:content", '<enclosure url="https://a.org/" length="1" type="a/b"/><media:content', "enclosure stands 2"),
    (ITEM, f"{ITEM}{'<comments>https://example.org/c</comments>' * 2}", "comments stands 2 times"),
    ("(李四)", "", "author: not an email address with a name"),
    ("<author>", "<dc:creator>李四</dc:creator><author>", "both author and dc:creator"),
    ("<category>石桥", "<category> ", "item[1]/category[1]: blank"),
    (GUID, "", "element guid is missing"),
    (GUID, "<guid>n1-2021</guid>", "guid: not an absolute http(s) URL"),
    (GUID, GUID.replace("false", "no"), "isPermaLink: not one of true, false"),
    (GUID, GUID.replace("n1-2021", "1234"), "not likely to be unique"),
    ("n1-2021", "https://example.org/n2", "guid https://example.org/n2 stands 2 times"),
    ('length="0"', "", "enclosure: attribute length is missing"),
    ('url="https://example.org/a.jpg" length', 'url="/a.jpg" length', "enclosure: attribute url: not an absolute"),
    ('length="0"', 'length="-1"', "enclosure: attribute length: not a non-negative"),
    ('length="0" type="image/jpeg"', 'length="0" type="jpeg"', "enclosure: attribute type: not a MIME type"),
    (MEDIA, MEDIA.replace("https://example.org", ""), "media:content[1]: attribute url: not an absolute"),
    (MEDIA, MEDIA.replace('"image"', '"picture"'), "medium: not one of image, audio"),
    (MEDIA, MEDIA.replace("image/jpeg", "jpeg"), "media:content[1]: attribute type: not a MIME type"),
    (MEDIA, f"<media:group>{MEDIA}</media:group>", "media:group without alternatives"),
    ("<ttl>", f"{MEDIA}<ttl>", "element media:content is not known here"),
    ("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss", "prefix media is bound to"),
    ("<ttl>", '<x:y xmlns:x="https://example.org/x"/><ttl>', "{https://example.org/x}y is not known"),
    (ENCODED, ENCODED.replace("<content", "<dc:date>2021</dc:date><content"), "both pubDate and dc:date"),
    ("<description>&lt;p&gt;摘要&lt;/p&gt;</description>", "", "content:encoded without a description"),
    ("&lt;p&gt;摘要", "&lt;p&gt;&lt;a href='n2'>摘要&lt;/a>", "item[1]/description: HTML <a>: href: relative URL"),
]  # fmt: skip

# what stands in the place of HTML; held by content:encoded, by Atom content and by content_html alike
HTML_MUTATIONS = [
    *(
        f"<{tag}></{tag}>|HTML element <{tag}>"
        for tag in ("script", "iframe", "object", "embed", "form", "style", "x")
    ),
    '<p onclick="a()">桥</p>|attribute onclick',
    '<p style="color:red">桥</p>|attribute style',
    '<a href="javascript:a()">桥</a>|href: harmful URL',
    '<a href=" java\tscript:a()">桥</a>|href: harmful URL',
    '<a href="data:text/html,a">桥</a>|href: harmful URL',
    '<a href="../n2">桥</a>|href: relative URL',
    '<a href="//example.org/n2">桥</a>|href: relative URL',
    '<img src="a.jpg">|src: relative URL',
    '<img src="https://example.org/a" srcset="https://example.org/b 1x, c 2x">|srcset: relative URL',
    "<p><b>桥</p>|<b> is not closed",
    '<a href="https://a.org"><a href="https://b.org">桥</a></a>|<a> stands inside another',
    "<p>桥<input></p>|HTML element <input>",
    "<div>桥|<div> is not closed",
    "桥</div>|</div> has no start tag",
    "<p><div>桥</div></p>|</p> has no start tag",
    "<p/>桥|<p/> is not closed by its slash",
    "桥 < 路|bare '<'",
    "桥&nosuch;|&nosuch; does not exist",
    "<!DOCTYPE html>桥|HTML declaration",
]

ATOM = f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="zh-CN"><id>tag:example.org,2021:feed</id><title>山村消息</title>
<updated>2021-03-01T08:00:00+08:00</updated><link rel="self" type="application/atom+xml" href="https://example.org/f"/>
<link href="https://example.org/" type="text/html"/><author><name>编者</name></author>
<entry><id>urn:feed:n1</id><title>石桥修好了</title><updated>2021-02-28T23:00:00Z</updated>
<published>2021-02-28T22:00:00Z</published><link rel="alternate" href="https://example.org/n1"/>
<category term="石桥"/><summary>摘要</summary><content type="html">{ESCAPED}</content></entry>
<entry><id>https://example.org/石桥</id><title type="html">桥&lt;b>二&lt;/b></title>
<updated>2021-02-27T00:00:00.5Z</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>正文<br/></p></div></content></entry>
</feed>
"""
ATOM_SELF = '<link rel="self" type="application/atom+xml" href="https://example.org/f"/>'
CONTENT = f'<content type="html">{ESCAPED}</content>'
# those that the schema has to find too are marked with its name
ATOM_MUTATIONS = [
    ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#", "root element is"),
    ("<id>tag:example.org,2021:feed</id>", "", "feed: element atom:id is missing", "relaxng"),
    ("<title>山村消息</title>", "", "feed: element atom:title is missing", "relaxng"),
    ("<updated>2021-03-01T08:00:00+08:00</updated>", "", "feed: element atom:updated is missing", "relaxng"),
    ("<author>", "<title>又</title><author>", "feed: element atom:title stands 2 times", "relaxng"),
    ("<author><name>编者</name></author>", "", "entry[1]: atom:author is missing here", "schematron"),
    ("<author><name>编者</name></author>", "<author/>", "element atom:name is missing", "relaxng"),
    ("<name>编者", "<email>编者</email><name>编者", "atom:email: not an email", "relaxng"),
    ("<id>urn:feed:n1</id>", "", "entry[1]: element atom:id is missing", "relaxng"),
    ("<title>石桥修好了</title>", "", "entry[1]: element atom:title is missing", "relaxng"),
    ("<title>石桥修好了</title>", "<title/>", "atom:title: blank"),
    ("<updated>2021-02-28T23:00:00Z</updated>", "", "entry[1]: element atom:updated is missing", "relaxng"),
    ("<id>urn:feed:n1</id>", "<id>urn:feed:n1</id>" * 2, "atom:id stands 2 times", "relaxng"),
    ("<id>urn:feed:n1<", "<id>n1<", "atom:id: not an absolute IRI"),
    ("<id>urn:feed:n1<", "<id>tag:n1<", "atom:id: not an absolute IRI"),
    ("<id>urn:feed:n1<", "<id> urn:feed:n1<", "white space around"),
    ("<id>urn:feed:n1<", "<id>https://example.org/石桥<", "stands 2 times"),
    ("2021-02-28T23:00:00Z", "2021-02-28T23:00:00", "atom:updated: bad date: not an RFC 3339"),
    ("2021-02-28T22:00:00Z", "2021-02-28", "atom:published: bad date: not an RFC 3339", "relaxng"),
    ("2021-02-28T22:00:00Z", "2021-02-30T22:00:00Z", "atom:published: bad date: day is out", "relaxng"),
    ("2021-02-28T22:00:00Z", "1904-02-28T22:00:00Z", "atom:published: bad date: a year out of"),
    ("2021-03-01T08:00:00+08:00", "2021-02-01T08:00:00+08:00", "older than every entry's"),
    (ATOM_SELF, "", "stands 0 times, not once"),
    (ATOM_SELF, ATOM_SELF.replace("atom+xml", "xml"), "type is not application/atom+xml"),
    (ATOM_SELF, ATOM_SELF.replace('href="https://example.org/f"', ""), "attribute href is missing", "relaxng"),
    (ATOM_SELF, f"{ATOM_SELF}{ATOM_SELF.replace('self', 'page 2')}", "rel is neither registered nor an IRI"),
    (' type="text/html"/>', ' type="html"/>', "type: not a MIME type", "relaxng"),
    (' type="text/html"/>', ' hreflang="zh_CN"/>', "hreflang: not a language tag", "relaxng"),
    (' type="text/html"/>', "><name/></link>", "element atom:name is not known here", "relaxng"),
    (' type="text/html"/>', ' type="text/html"/><link href="https://example.org/2" type="text/html"/>', "2 alternate"),
    ('href="https://example.org/n1"', 'href="n1"', "href: not an absolute IRI"),
    ('rel="alternate" href', 'rel="next-archive" href', "rel=next-archive is for feeds only"),
    ("<author>", '<f:archive xmlns:f="http://purl.org/syndication/history/1.0"/><author>', "without a link rel=current"),
    ("</feed>", "<subtitle>又</subtitle></feed>", "stands after an entry", "relaxng"),
    ("<author>", "<pubDate>2021</pubDate><author>", "element atom:pubDate is not known here", "relaxng"),
    ("<entry><id>urn", "<entry>又<id>urn", "text between the elements", "relaxng"),
    ('term="石桥"', "", "attribute term is missing", "relaxng"),
    ('term="石桥"', 'term=""', "attribute term: blank"),
    ("<summary>摘要", "<summary>&lt;b>摘要&lt;/b>", "atom:summary: plain text holds HTML"),
    ("<summary>摘要", "<summary>摘&amp;nbsp;要", "plain text holds the HTML entity &nbsp;"),
    ("<summary>摘要", '<summary type="markdown">摘要', "type: not one of text, html", "relaxng"),
    ('<title type="html">桥', '<title type="html">&lt;script>', "atom:title: HTML element <script>"),
    (CONTENT, '<content type="markdown">桥</content>', "atom:content: attribute type: not a type"),
    (CONTENT, '<content type="html"/>', "atom:content: blank"),
    (CONTENT, "<content><b>桥</b></content>", "type text with elements inside"),
    (CONTENT, '<content type="image/png" src="a.png"/>', "src: not an absolute IRI"),
    (CONTENT, '<content src="https://example.org/a.png"/>', "src without a MIME type"),
    (CONTENT, '<content type="a/b" src="https://example.org/a">桥</content>', "src and yet not empty"),
    (f"<summary>摘要</summary>{CONTENT}", '<content type="a/b" src="https://example.org/a"/>', "no atom:summary"),
    (f"<summary>摘要</summary>{CONTENT}", '<content type="image/png">aGk=</content>', "no atom:summary"),
    ("<p>正文", '<p style="a">正文', "atom:content: HTML <p>: attribute style"),
    ('<div xmlns="http://www.w3.org/1999/xhtml">', "<div>", "without a single xhtml:div"),
    ('<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>正文<br/></p></div></content>', "",
     "neither atom:content nor an alternate", "schematron"),
]  # fmt: skip

ITEM_JSON = {"id": "n1", "url": "https://example.org/n1", "title": "石桥修好了", "content_html": HTML, "tags": ["石桥"],
             "image": "https://example.org/a.jpg", "date_published": "2021-02-28T23:00:00Z",
             "date_modified": "2021-03-01T08:00:00+08:00", "authors": [{"name": "王小石"}], "language": "zh-CN",
             "attachments": [{"url": "https://example.org/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 9}],
             }  # fmt: skip
JSON_FEED: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1", "title": "山村消息", "home_page_url": "https://example.org/",
    "feed_url": "https://example.org/feed.json", "language": "zh-CN", "_mirror": {"about": "手写"},
    "items": [ITEM_JSON, {"id": "n2", "content_text": "正文"}]}  # fmt: skip
GONE = object()
# where, what instead, what the problem names, and "schema" where the schema has to find it too
JSON_MUTATIONS = [
    ("version", "https://jsonfeed.org/version/1", "feed.version: not one of"),
    ("version", GONE, "feed: version is missing", "schema"),
    ("title", GONE, "feed: title is missing", "schema"),
    ("title", "<b>山村</b>", "feed.title: plain text holds HTML"),
    ("items", GONE, "feed: items is missing", "schema"),
    ("items", {}, "feed.items: not an array", "schema"),
    ("feed_url", "/feed.json", "feed.feed_url: not an absolute"),
    ("feed_url", GONE, "feed: feed_url is missing"),
    ("home_page_url", "example.org", "feed.home_page_url: not an absolute"),
    ("next_url", "https://example.org/feed.json", "feed.next_url: the same as feed_url"),
    ("language", "zh_CN", "feed.language: not a language tag"),
    ("expired", "no", "feed.expired: neither true nor false", "schema"),
    ("hubs", [{"type": "WebSub"}], "feed.hubs[0]: url is missing", "schema"),
    ("author", {"name": "编者"}, "feed.author: author is of version 1.0"),
    ("authors", {"name": "编者"}, "feed.authors: not an array", "schema"),
    ("authors", [{}], "none of name url avatar", "schema"),
    ("authors", [{"name": "编者", "email": "a@example.org"}], "email: not a member", "schema"),
    ("authors", [{"avatar": "a.png"}], "authors[0].avatar: not an absolute"),
    ("subtitle", "又", "feed.subtitle: not a member", "schema"),
    ("_mirror", "又", "an extension has to be an object", "schema"),
    ("_a.b", {}, "not a member"),
    ("_1", {}, "not a name for an extension", "schema"),
    ("items.0.id", GONE, "items[0]: id is missing", "schema"),
    ("items.0.id", 7, "items[0].id: not a string", "schema"),
    ("items.0.id", "n2", "id n2 stands 2 times"),
    ("items.0.content_html", GONE, "items[0]: none of content_html content_text", "schema"),
    ("items.0.content_html", "", "content_html: blank"),
    ("items.0.date_published", "2021-02-28 23:00", "date_published: bad date"),
    ("items.0.date_modified", "2021-02-28T23:00:00", "date_modified: bad date"),
    ("items.0.tags", "石桥", "tags: not an array", "schema"),
    ("items.0.tags", [""], "tags[0]: blank"),
    ("items.0.tags", ["桥", "桥"], "tags: the same value twice", "schema"),
    ("items.0.image", "a.jpg", "image: not an absolute"),
    ("items.0.url", "n1", "url: not an absolute"),
    ("items.0.language", "", "language: not a language tag"),
    ("items.0.author", {"name": "王"}, "author: author is of version 1.0"),
    ("items.0.guid", "n1", "guid: not a member", "schema"),
    ("items.0.attachments.0.url", GONE, "attachments[0]: url is missing", "schema"),
    ("items.0.attachments.0.mime_type", GONE, "attachments[0]: mime_type is missing", "schema"),
    ("items.0.attachments.0.mime_type", "mp3", "mime_type: not a MIME type"),
    ("items.0.attachments.0.size_in_bytes", "9", "size_in_bytes: not a non-negative", "schema"),
]  # fmt: skip


def replaced(text: str, old: str, new: str) -> bytes:
    """Return *text* with the first *old* replaced; there has to be one."""
    assert old in text
    return text.replace(old, new, 1).encode()


def json_feed(where: str = "", value: object = None) -> bytes:
    """Return the good JSON feed, but with *value* at *where*."""
    feed = copy.deepcopy(JSON_FEED)
    *path, name = where.split(".") if where and not where.startswith("_") else [where]
    holder: Any = feed
    for step in path:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    if where:
        holder[name] = value
    if value is GONE:
        del holder[name]
    return json.dumps(feed).encode()


def html_case(case: str) -> tuple[str, str, str]:
    """Return a bad piece of HTML: as it is, escaped for XML, and what the problem names."""
    html, named = case.rsplit("|", 1)
    return html, html.replace("&", "&amp;").replace("<", "&lt;"), named


def assert_named(problems: list[str], named: str) -> None:
    assert any(named in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)


def test_a_good_feed_of_each_form_has_no_problems() -> None:
    assert check_rss(RSS.encode()) == []
    assert check_atom(ATOM.encode()) == []
    assert check_json_feed(json_feed()) == []


@pytest.mark.parametrize(("old", "new", "named"), RSS_MUTATIONS)
def test_each_fault_of_an_rss_feed_is_named(old: str, new: str, named: str) -> None:
    assert_named(check_rss(replaced(RSS, old, new)), named)


@pytest.mark.parametrize(("old", "new", "named"), [case[:3] for case in ATOM_MUTATIONS])
def test_each_fault_of_an_atom_feed_is_named(old: str, new: str, named: str) -> None:
    assert_named(check_atom(replaced(ATOM, old, new)), named)


@pytest.mark.parametrize(("where", "value", "named"), [case[:3] for case in JSON_MUTATIONS])
def test_each_fault_of_a_json_feed_is_named(where: str, value: object, named: str) -> None:
    assert_named(check_json_feed(json_feed(where, value)), named)


@pytest.mark.parametrize("case", HTML_MUTATIONS)
def test_each_fault_of_html_is_named_in_every_form(case: str) -> None:
    html, escaped, named = html_case(case)
    assert_named(check_rss(replaced(RSS, ENCODED, f"<content:encoded>{escaped}")), named)
    assert_named(
        check_atom(replaced(ATOM, CONTENT, f'<content type="html">{escaped}</content>')), named
    )
    assert_named(check_json_feed(json_feed("items.0.content_html", html)), named)


def test_relative_addresses_in_atom_are_fine_under_an_xml_base() -> None:
    html = (
        '<content type="html" xml:base="https://example.org/">&lt;a href="n2">桥&lt;/a></content>'
    )
    assert check_atom(replaced(ATOM, CONTENT, html)) == []


@pytest.mark.parametrize("check", [check_rss, check_atom, check_json_feed])
@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"NaN", b"<html/>", b"<feed", b'{"items": [3]}', b'"\\ud800"']
)
def test_what_is_no_feed_is_a_problem_and_not_a_crash(check: Any, data: bytes) -> None:
    assert check(data)


def test_a_member_that_stands_twice_is_named() -> None:
    assert_named(
        check_json_feed(json_feed().replace(b"{", b'{"title": "x",', 1)),
        "member title stands more than once",
    )


@pytest.mark.corpus
@needs_schemas
def test_a_good_feed_satisfies_the_schemas() -> None:
    assert check_atom(ATOM.encode(), schema=SCHEMAS / "atom-rfc4287.rng") == []
    assert check_json_feed(json_feed(), schema=SCHEMAS / "feed.json") == []


@pytest.mark.corpus
@needs_schemas
@pytest.mark.parametrize(
    ("old", "new", "_named", "by"), [case for case in ATOM_MUTATIONS if len(case) > 3]
)
def test_the_atom_schema_finds_the_fault_too(old: str, new: str, _named: str, by: str) -> None:
    assert_named(
        check_atom(replaced(ATOM, old, new), schema=SCHEMAS / "atom-rfc4287.rng"), f"{by}: line"
    )


@pytest.mark.corpus
@needs_schemas
@pytest.mark.parametrize(
    ("where", "value", "_named", "by"), [case for case in JSON_MUTATIONS if len(case) > 3]
)
def test_the_json_schema_finds_the_fault_too(
    where: str, value: object, _named: str, by: str
) -> None:
    assert_named(check_json_feed(json_feed(where, value), schema=SCHEMAS / "feed.json"), f"{by}: $")
