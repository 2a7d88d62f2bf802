"""Describe an article once for its pages in all formats: HTML, Markdown and books."""

from zoneinfo import ZoneInfo

from feedproxy import markup
from feedproxy.model import EXCERPT, Article
from feedproxy.output import render
from feedproxy.output.context import ArticleContext
from feedproxy.rewrite import LinkContext


def describe(
    article_context: ArticleContext, article: Article, link_context: LinkContext | None
) -> render.ArticleBody:
    """Return what a page in any format shows of an article.

    Text, lead picture and tags have the addresses of *link_context*; a tag has the address "" if it
    has no page. Without *link_context* upstream addresses remain, and no tag has an address. Links
    to channels and to neighbouring articles are the caller's.
    """
    timezone, picture = article_context.context.mirror.timezone_of(article.site), article.picture
    if link_context:
        content = article_context.body(article, link_context)
        lead = article_context.lead(article, link_context)
    else:
        content = article.body
        lead = render.Lead(picture.url, picture.alt, picture.caption) if picture else None
    return render.ArticleBody(
        title=markup.plain(article.title) or article.id,
        authors=article.authors,
        published=article.published.astimezone(timezone),
        updated=article.updated.astimezone(timezone),
        dated=article.dated,
        content=content,
        original=article.url,
        lead=lead,
        tags=tuple(render.Link(tag, _tag_address(tag, link_context)) for tag in article.tags),
        note=_note(article, timezone),
        language=article.details.language,
    )


def _tag_address(tag: str, link_context: LinkContext | None) -> str:
    page = link_context.layout.tag(tag) if link_context else None
    return link_context.address(page) if link_context and page else ""


def _note(article: Article, timezone: ZoneInfo) -> str:
    """Return the note for readers above an article: removed upstream, or only an excerpt so far."""
    if article.gone:
        return (
            f"原站已经没有这篇文章（{article.gone.astimezone(timezone):%Y-%m-%d} 发现），"
            "这里是留存的副本。"
        )
    return "全文还没有取到，这里只有摘要；镜像会继续尝试。" if article.rule == EXCERPT else ""
