"""Render lists of articles and a repository's README in Markdown, for git hosts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from feedproxy.output.render.markdown import as_link, as_paragraph, as_text
from feedproxy.output.render.pages import Link, ListedArticle


@dataclass(frozen=True, slots=True)
class MarkdownList:
    """A page of a channel's article list; in *pager* the link of the page itself has no address."""

    title: str
    navigation: tuple[Link, ...]
    articles: tuple[ListedArticle, ...]
    pager: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkdownFront:
    """A repository's front page.

    *originals* are the titles and addresses of the mirrored sites, *channels* links to the lists of
    articles, *addresses* the mirror's other addresses.
    """

    title: str
    description: str
    mirror: str
    originals: tuple[tuple[str, str], ...]
    channels: tuple[Link, ...]
    feeds: tuple[Link, ...] = ()
    addresses: tuple[str, ...] = ()


def render_markdown_list(page: MarkdownList) -> bytes:
    """Return a page of a channel's article list."""
    rows = [f"- {each.published:%Y-%m-%d} {as_link(each.link)}" for each in page.articles] or [
        "还没有文章。"
    ]
    parts = [
        f"### {as_text(page.title)}",
        "---",
        f"#### {_side_by_side(page.navigation)}",
        "\n".join(rows),
    ]
    return _joined([*parts, "---", _side_by_side(page.pager)] if page.pager else parts)


def render_markdown_front(page: MarkdownFront) -> bytes:
    """Return a repository's README.

    It contains no counts and no dates, so it changes only with the configuration.
    """
    sites = "、".join(f"{as_text(title)}（`{address}`）" for title, address in page.originals)
    parts = (
        [f"## {as_text(page.title)}", as_paragraph(page.description)]
        if page.description
        else [f"## {as_text(page.title)}"]
    )
    parts += [
        f"这里是{sites}的非官方镜像，属于{as_text(page.mirror)}，由程序自动更新。文章和图片的版权属于原发布者。",
        "### 频道",
        _listed(page.channels),
    ]
    if page.feeds:
        parts += [
            "### 订阅",
            "把下面的地址加到任何一个订阅阅读器里，新文章会带全文自动送到。",
            _listed(page.feeds),
        ]
    if page.addresses:
        parts += [
            "### 镜像的其他地址",
            _listed([Link(address, address) for address in page.addresses]),
        ]
    checked = "在这个文件夹里运行 `sha256sum -c SHA256SUMS`，可以检查每个文件是否完整。"
    return _joined([*parts, "### 检查", checked])


def _side_by_side(links: Sequence[Link]) -> str:
    """Return links on one line, as on top of each page of the git-hosted mirrors.

    A link without an address is the current page, shown in bold.
    """
    return " &nbsp;|&nbsp; ".join(
        as_link(link) if link.href else f"**{as_text(link.title)}**" for link in links
    )


def _listed(links: Sequence[Link]) -> str:
    return "\n".join(f"- {as_link(link)}" for link in links)


def _joined(parts: Sequence[str]) -> bytes:
    return ("\n\n".join(parts) + "\n").encode()
