"""Render articles in the Markdown format of the git-hosted mirrors. Pure.

A page is a heading, a line of links, and HTML between two rules. An HTML block ends at a blank line
(CommonMark 0.31, section 4.6), so the HTML contains no blank lines, and no line breaks except the
renderer's own.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from feedproxy import markup
from feedproxy.model import Links, SafeHtml
from feedproxy.output.render.pages import ArticleBody, Link
from feedproxy.output.render.values import Lead

# Characters with a meaning in Markdown, which a backslash escapes (CommonMark 0.31, section 2.4).
# "|" and "$" are those of tables and formulas.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~#|$]")
# Starts a list or a rule, or turns the line above into a heading.
_BEGINS_BLOCK = re.compile(r"\A(?:(?=[-+=])|(\d{1,9})(?=[.)]))")
# Ends a link's target or an address in angle brackets (6.3, 6.5), or has another meaning there
# (2.4, 2.5).
_ENDS_TARGET = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029<>\\]")
_PARENTHESES = re.compile(r"[()]")
_ENTITY = re.compile(r"(&#?[A-Za-z0-9]+);")
# An address that every Markdown implementation treats, as a whole, as an address or as plain text.
_PLAIN_ADDRESS = re.compile(
    r"https?://(?:[A-Za-z0-9./:?=&%#+,@'-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*[A-Za-z0-9/=%#-]"
)
# Ends a comment or a line in some parser; JSON has escapes for it.
_ENDS = re.compile("--|[<>\x7f-\x9f\u2028\u2029]")
_BREAKS = re.compile("[\r\n\x0b\x0c\x85\u2028\u2029]+")
_BODY = '<div class="post_content" id="artbody" itemprop="articleBody">'
_ADDRESS = ("http://", "https://")


def render_markdown(
    article: ArticleBody,
    navigation: tuple[Link, ...],
    links: Links,
    record: Mapping[str, object] | None = None,
) -> bytes:
    """Return an article's page, with its replication *record* for other mirrors.

    `Links.SEED` disables all links of the text: ``<a href>`` becomes ``<ok href>``. Otherwise only
    the links are disabled whose address `rewrite` has moved to the title attribute.
    """
    line = " &nbsp;|&nbsp; ".join(map(as_link, navigation))
    head = f"### {as_text(article.title)}\n\n---\n\n#### {line}\n\n\n"
    body = "\n".join(
        [
            _lead(article.lead) + _BODY,
            *_blocks(article.content, links),
            "</div>",
            *_comment(record),
        ]
    )
    return f"{head}{body}\n\n\n---\n\n原文链接（需翻墙）：{as_address(article.original)}".encode()


def _comment(record: Mapping[str, object] | None) -> list[str]:
    """Return the replication record for other mirrors as a comment on one line, without "--"."""
    if record is None:
        return []
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return [f"<!-- feedproxy {_ENDS.sub(_escaped, text)} -->"]


def _escaped(match: re.Match[str]) -> str:
    return "-\\u002d" if match[0] == "--" else f"\\u{ord(match[0]):04x}"


def as_text(text: str) -> str:
    """Return text on one line, escaped so that Markdown shows it unchanged."""
    return _SPECIAL.sub(r"\\\g<0>", _BREAKS.sub(" ", text))


def as_paragraph(text: str) -> str:
    """Return text as `as_text` does, escaped further so that it starts no list."""
    return _BEGINS_BLOCK.sub(r"\1\\", as_text(text).strip())


def as_address(url: str) -> str:
    """Return an address that Markdown shows unchanged.

    It is bare, or in angle brackets if Markdown would interpret a part of it as markup.

    >>> as_address("https://a.example/n1.htm?a=b"), as_address("https://a.example/[x](y)?*a*")
    ('https://a.example/n1.htm?a=b', '<https://a.example/[x](y)?*a*>')
    """
    if not url.startswith(_ADDRESS):
        return as_text(url)
    safe = _ENDS_TARGET.sub(_encoded, url)
    return safe if _PLAIN_ADDRESS.fullmatch(safe) else f"<{_without_entities(safe)}>"


def as_link(link: Link) -> str:
    """Return a link in Markdown."""
    return f"[{as_text(link.title)}]({_target(link.href)})"


def _target(href: str) -> str:
    return _without_entities(_PARENTHESES.sub(_encoded, _ENDS_TARGET.sub(_encoded, href)))


def _without_entities(address: str) -> str:
    return _ENTITY.sub(r"\1%3B", address)


def _encoded(match: re.Match[str]) -> str:
    return quote(match[0], safe="")


def _lead(lead: Lead | None) -> str:
    if lead is None:
        return ""
    alt, caption = (escape(_BREAKS.sub(" ", text)) for text in (lead.alt, lead.caption))
    picture = (
        f'<img alt="{alt}" src="{escape(lead.src)}"/>'
        if lead.src
        else f"<i>{alt}</i>"
        if alt
        else ""
    )
    return f'<div>{picture}\n<div class="caption">{caption}</div></div><hr/>'


def _blocks(content: SafeHtml, links: Links) -> list[str]:
    """Return the text in the elements of the mirrors' format, one block per line."""
    root = markup.fragment(content)
    for link in root.iter("a"):
        _disable(link, links)
    for heading in root.iter("h2"):
        heading.tag = "h4"
    for figure in list(root.iter("figure", "figcaption")):
        if figure.tag == "figcaption":
            figure.addprevious(figure.makeelement("br"))
        line = figure.makeelement("br")
        line.tail, figure.tail = figure.tail, None
        figure.addnext(line)
    pieces = markup.blocks(root)
    return [
        piece.replace("\r", "").replace("\n", "&#10;") for piece in pieces if piece.strip(" \t\r\n")
    ]


def _disable(link: markup.Element, links: Links) -> None:
    if "href" in link.attrib:
        link.tag = "ok" if links is Links.SEED else "a"
    elif link.get("title", "").startswith(_ADDRESS):
        link.tag = "ok"
        link.set("href", link.attrib.pop("title"))
