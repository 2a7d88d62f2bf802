"""Pages of stored articles as a git export has them."""

from feedproxy.model import ArticleId, Links, Mirror
from feedproxy.output import RenderContext, context_of, markdown_of
from feedproxy.paths import git_layout
from feedproxy.store import Store


def markdown_page(
    mirror: Mirror, store: Store, section: str, channel: str, article_id: ArticleId, links: Links
) -> str:
    """Return the page of a stored article in one of its channels."""
    context = RenderContext(mirror, store, "", files=git_layout(mirror.sections))
    article = store.article(article_id)
    assert article is not None, article_id
    article_context = context_of(context, [article], section)
    return markdown_of(article_context, article, channel, links).decode()
