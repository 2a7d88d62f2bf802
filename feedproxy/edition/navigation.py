"""The line on top of every page."""

from feedproxy import paths, render
from feedproxy.edition.ground import Ground
from feedproxy.model import ArticleId, MirrorPath, NavigationLink


def navigation_of(
    ground: Ground, page: MirrorPath, section: str, *, article_id: ArticleId | None = None, beside: bool = False
) -> tuple[render.Link, ...]:
    """Return the navigation's links as they are printed on *page*; *beside* says that other folders lie beside the sections."""

    def printed(link: NavigationLink) -> render.Link:
        href = _href(link, ground.layout, section, page, beside=beside)
        return render.Link(link.title, paths.suffixed(href, article_id) if article_id else href)

    return tuple(printed(link) for link in ground.mirror.navigation)


def _href(link: NavigationLink, layout: paths.Layout, section: str, page: MirrorPath, *, beside: bool) -> str:
    if link.to == "section":
        return paths.relative(layout.section(section) if section else layout.home, page)
    if link.to and (beside or not link.url):
        return paths.from_root(layout.section(link.to), page)
    return link.url
