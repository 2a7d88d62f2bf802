"""The navigation line at the top of every page."""

from feedproxy import paths
from feedproxy.model import MirrorPath, NavigationLink
from feedproxy.output import render
from feedproxy.output.context import RenderContext


def navigation_of(
    context: RenderContext,
    page: MirrorPath,
    section: str,
    *,
    article_id: str = "",
) -> tuple[render.Link, ...]:
    """Return the navigation links as *page* shows them.

    A link may have both a folder and a URL. On a git host it leads to the folder, which is shown
    beside those of the sections, elsewhere to the URL.
    """

    def printed(link: NavigationLink) -> render.Link:
        target = _target(link, context.layout, section)
        if target is None:
            href = link.url
        elif link.to == "section":
            href = paths.relative(target, page)
        else:
            href = paths.from_root(target, page)
        is_here = target is not None and target.rstrip("/") == page.rstrip("/")
        return render.Link(link.title, paths.suffixed(href, article_id), is_here=is_here)

    return tuple(map(printed, context.mirror.navigation))


def _target(link: NavigationLink, layout: paths.Layout, section: str) -> MirrorPath | None:
    """Return the path of the mirror that a link leads to, None if it leads elsewhere."""
    if link.to == "section":
        return layout.section(section) if section else layout.home
    return layout.section(link.to) if link.to and (layout.is_git_hosted or not link.url) else None
