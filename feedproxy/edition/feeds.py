"""Articles as feeds."""

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths, render
from feedproxy.choice import SCRIPTS, WINDOW, Choice, convert, pick, shape
from feedproxy.edition.ground import Context, Ground, context_of
from feedproxy.edition.scopes import Scope
from feedproxy.model import Article, Images, MirrorPath, SafeHtml
from feedproxy.rewrite import Place
from feedproxy.store import PAGE_ENTRIES

# How a feed's title names what was chosen: parameters, and what they say of their values.
_SAID = {
    "": "",
    "title": "标题",
    "description": "正文",
    "author": "作者",
    "category": "话题",
    "filter": "含",
    "filterout": "不含",
}
_SAID_CHARACTERS = 40
_PLAIN_CHOICE = Choice()


def make_feed(ground: Ground, scope: Scope, form: str, choice: Choice = _PLAIN_CHOICE) -> bytes:
    """Return a feed in one of `paths.FORMATS`; what a reader chose makes a feed of its own, of the same entries."""
    articles = [shape(article, choice) for article in articles_of(ground, scope, choice)]
    context = context_of(ground, articles, scope.name)
    places = (ground.place_of(context.channels[article.id], context.prefer) for article in articles)
    entries = [entry_of(article, context, at) for article, at in zip(articles, places, strict=True)]
    is_walked = not choice.query and ground.files is None
    history = _history(ground, scope, form) if is_walked else render.History()
    return render.FORMS[form](feed_of(ground, scope, scope.path(form), entries, history, choice=choice))


def feed_of(
    ground: Ground,
    scope: Scope,
    path: MirrorPath,
    entries: Sequence[render.Entry],
    history: render.History,
    *,
    choice: Choice = _PLAIN_CHOICE,
) -> render.Feed:
    """Return the feed of a scope at a path: a document of one and the same feed, whichever it is."""
    mirror = ground.mirror
    is_announced = scope.log and not history.page and not choice.query  # so many as the poller can tell a hub of
    name = scope.channels[0].site.name + scope.path() + (f"?{choice.query}" if choice.query else "")
    return render.Feed(
        id=f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        title=convert(scope.title, choice.script) + _said(choice),
        description=convert(scope.description or scope.title, choice.script),
        link=ground.absolute(scope.home(ground.layout)),
        self_link=ground.absolute(path, choice.query),
        language=SCRIPTS.get(choice.script, mirror.language),
        ttl_minutes=mirror.ttl_minutes,
        entries=tuple(entries),
        history=history,
        hub=ground.hub if is_announced else "",
    )


def articles_of(ground: Ground, scope: Scope, choice: Choice) -> list[Article]:
    """Return the articles of a feed, newest first, as they are held."""
    limit = choice.limit or ground.mirror.entries
    most = max(limit, WINDOW) if choice.is_filter else limit
    if scope.tag:
        found = ground.library.newest_tagged(scope.tag, scope.channel_ids, most)
    else:
        found = ground.library.newest(scope.channel_ids, most)
    return pick(found, choice, limit)


def _said(choice: Choice) -> str:
    """Return what of a feed was chosen, for its title; what could be taken for mark-up is left out of it."""
    words = []
    for name, expression in choice.expressions:
        kind, _, part = name.partition("_")
        words.append(f"{_SAID[part]}{_SAID[kind]} {_harmless(expression)}")
    words += [f"最近 {choice.within_s} 秒"] if choice.within_s else []
    return f"（{'；'.join(words)}）" if words else ""


def _harmless(expression: str) -> str:
    text = "".join(letter for letter in expression if letter.isprintable() and letter not in "<>&\"'`")
    return text if len(text) <= _SAID_CHARACTERS else text[:_SAID_CHARACTERS] + "…"


def entry_of(article: Article, context: Context, at: tuple[str, str], record: Mapping[str, object] | None = None) -> render.Entry:
    """Return an article as an entry, its page *at* a section and channel; *record* is for other mirrors."""
    ground = context.ground
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
        record=record,
    )


def _history(ground: Ground, scope: Scope, form: str) -> render.History:
    """Return where a subscription feed goes on: at the newest page of its archive that holds something."""
    length = ground.library.archive.length(scope.log) if scope.log else 0
    newest = -(-length // PAGE_ENTRIES)
    return render.History(older=ground.absolute(scope.archive_path(newest, form)) if newest else "")


def _enclosure(article: Article, context: Context, place: Place) -> render.Enclosure | None:
    """Return the lead picture as readers show it beside the headline, with its true length and type, if it is held."""
    if article.picture and place.images is Images.LINK:
        return render.Enclosure(article.picture.url, render.picture_type(article.picture.url))
    stored = context.stored(article, place)
    if stored is None or not stored.reading.media_type:  # as in an archive, which knows no more than its address
        return None
    file = stored.reading
    url = place.write(place.layout.media(file.name, place.section))
    return render.Enclosure(url, file.media_type, file.size, file.width, file.height)
