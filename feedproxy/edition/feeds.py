"""Articles as feeds."""

from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths, render
from feedproxy.edition.ground import Context, Ground, context_of
from feedproxy.edition.scopes import Scope
from feedproxy.model import Article, Images, SafeHtml
from feedproxy.rewrite import Place


def make_feed(ground: Ground, scope: Scope, form: str) -> bytes:
    """Return a feed in one of `paths.FORMATS`."""
    mirror, library = ground.mirror, ground.library
    if scope.tag:
        articles = library.newest_tagged(scope.tag, scope.channel_ids, mirror.entries)
    else:
        articles = library.newest(scope.channel_ids, mirror.entries)
    context = context_of(ground, articles, scope.name)
    feed = render.Feed(
        id=f"urn:uuid:{uuid5(NAMESPACE_URL, scope.channels[0].site.name + scope.path())}",
        title=scope.title,
        description=scope.description or scope.title,
        link=ground.absolute(scope.home(ground.layout)),
        self_link=ground.absolute(scope.path(form)),
        language=mirror.language,
        ttl_minutes=mirror.ttl_minutes,
        entries=tuple(_entry(article, context) for article in articles),
    )
    return render.FORMS[form](feed)


def _entry(article: Article, context: Context) -> render.Entry:
    ground = context.ground
    at = ground.place_of(context.channels[article.id], context.prefer)
    place = context.place(article, at, ground.absolute, alone=True)
    lead = context.lead(article, place)
    return render.Entry(
        id=article.entry_id,
        link=paths.suffixed(ground.absolute(place.page), article.id),
        via=article.url,
        title=article.title,
        summary=article.summary,
        content=SafeHtml((render.lead_figure(lead) if lead else "") + context.body(article, place)),
        published=article.published,
        updated=article.updated,
        author=article.author,
        tags=article.tags,
        enclosure=_enclosure(article, context, place),
    )


def _enclosure(article: Article, context: Context, place: Place) -> render.Enclosure | None:
    """Return the lead picture as readers show it beside the headline, with its true length and type, if it is held."""
    if article.picture and place.images is Images.LINK:
        return render.Enclosure(article.picture.url, render.picture_type(article.picture.url))
    stored = context.stored(article, place)
    if stored is None:
        return None
    file = stored.reading
    url = place.write(place.layout.media(file.name, place.section))
    return render.Enclosure(url, file.media_type, file.size, file.width, file.height)
