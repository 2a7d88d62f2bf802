"""Articles as pages in the Markdown form of the git-hosted mirrors."""

from enum import StrEnum

from feedproxy import paths, render
from feedproxy.edition.ground import Ground, context_of
from feedproxy.edition.navigation import navigation_of
from feedproxy.model import ArticleId


class Links(StrEnum):
    """Where links in a text lead: nowhere, as in the seed; or inside the mirror as far as it holds their targets."""

    SEED = "seed"
    MIRROR = "mirror"


def make_markdown(ground: Ground, section: str, channel: str, article_id: ArticleId, links: Links = Links.MIRROR) -> bytes | None:
    """Return an article's page in one of its channels, None if it is not held there."""
    article = ground.library.article(article_id)
    context = context_of(ground, [article], section) if article else None
    if article is None or context is None or channel not in context.channels.get(article_id, ()):
        return None
    page = ground.layout.article(section, channel, article_id)
    picture, content = article.picture, article.body
    lead = render.Lead(picture.url, picture.alt, picture.caption) if picture else None
    if links is Links.MIRROR:
        place = context.place(article, (section, channel), lambda to: paths.relative(to, page), only_held=True)
        lead = context.lead(article, place)
        content = context.body(article, place)
    navigation = navigation_of(ground, page, section, article_id=article_id, beside=True)
    made = render.MarkdownPage(article.title, navigation, lead, content, article.url)
    return render.render_markdown(made, neutral=links is Links.SEED)
