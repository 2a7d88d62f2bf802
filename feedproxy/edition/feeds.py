"""Articles as feeds."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths, render
from feedproxy.choice import SCRIPTS, WINDOW, Choice, convert, pick, shape
from feedproxy.edition.documents import Document, Piece
from feedproxy.edition.fragments import Fragments, Look, key_of
from feedproxy.edition.ground import Context, Ground, context_of
from feedproxy.edition.scopes import Scope
from feedproxy.model import Article, ArticleId, EntryState, Images, MirrorPath, SafeHtml, Version
from feedproxy.rewrite import Place
from feedproxy.store import PAGE_ENTRIES, Library

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


def make_feed(
    ground: Ground, scope: Scope, form: str, choice: Choice = _PLAIN_CHOICE, version: Version | None = None
) -> Document:
    """Return a feed in one of `paths.FORMATS`; what a reader chose makes a feed of its own, of the same entries.

    *version* is that of what it shows, as it was before, if it is known; the store is looked at once for all forms.
    """
    version = version or version_of(ground.library, scope)
    name = (scope.path(), scope.query, choice.query, ground.public_url, ground.key, version)
    look, pieces = _made_before(ground.fragments, name, form) or _read(ground, scope, form, choice, name)
    is_walked = scope.log and version.length and not choice.query and ground.files is None
    newest = scope.archive_path(-(-version.length // PAGE_ENTRIES), form)
    history = render.History(older=ground.absolute(newest) if is_walked else "")
    feed = feed_of(ground, scope, scope.path(form), look.updated, history, choice=choice)
    return ground.fragments.document(feed, form, pieces)


def version_of(library: Library, scope: Scope) -> Version:
    """Return what changes with every change to the feeds of a scope."""
    if scope.words:
        return library.search.version(scope.channel_ids)
    return library.archive.version(scope.log, scope.channel_ids)


def _made_before(fragments: Fragments, name: Hashable, form: str) -> tuple[Look, tuple[Piece, ...]] | None:
    """Return what the feed of a *name* shows, and that in a form, as far as nothing needs the store; None else."""
    (look,) = fragments.looks.find([name])
    found = fragments.find(look.keys, form) if look else ()
    pieces = tuple(piece for piece in found if piece)
    return (look, pieces) if look and len(pieces) == len(look.keys) else None


def _read(ground: Ground, scope: Scope, form: str, choice: Choice, name: Hashable) -> tuple[Look, tuple[Piece, ...]]:
    """Return the same by the store, at one moment of it, so that nothing is kept under the key of what came before it."""
    fragments = ground.fragments
    with ground.library.at_once():
        states = _states(ground, scope, choice)
        look = fragments.looks.keep(name, _look(ground, scope, choice, states))
        found = fragments.find(look.keys, form)
        lost = [state.id for state, piece in zip(states, found, strict=True) if piece is None]
        entries = _entries(ground, scope, choice, lost) if lost else []
    return look, fragments.fill(found, look.keys, form, entries)


def _states(ground: Ground, scope: Scope, choice: Choice) -> list[EntryState]:
    if choice.is_filter or scope.words:
        return ground.library.entry_states([article.id for article in articles_of(ground, scope, choice)])
    return ground.library.newest_states(scope.channel_ids, choice.limit or ground.mirror.entries, tag=scope.tag)


def _look(ground: Ground, scope: Scope, choice: Choice, states: Sequence[EntryState]) -> Look:
    """Return what a feed shows; an entry's key says all that its bytes depend on, but for what never changes here."""
    fixed = ground.public_url, ground.key, choice.brief, choice.script
    # where what it links to has its page, depends on the section that is asked for, too
    kinds = {(state.channels, state.is_linking) for state in states}
    on = {kind: repr((fixed, ground.place_of(kind[0], scope.name), kind[1] and scope.name)) for kind in kinds}
    keys = tuple(key_of(on[state.channels, state.is_linking], state.stamp) for state in states)
    return Look(keys, max((state.updated for state in states), default=render.NEVER))


def _entries(ground: Ground, scope: Scope, choice: Choice, ids: Sequence[ArticleId]) -> list[render.Entry]:
    """Return articles as entries, as a reader chose to have them."""
    articles = [shape(article, choice) for article in ground.library.articles(ids)]
    context = context_of(ground, articles, scope.name)
    places = (ground.place_of(context.channels[article.id], context.prefer) for article in articles)
    return [entry_of(article, context, at) for article, at in zip(articles, places, strict=True)]


def feed_of(
    ground: Ground,
    scope: Scope,
    path: MirrorPath,
    updated: datetime,
    history: render.History,
    *,
    choice: Choice = _PLAIN_CHOICE,
) -> render.Feed:
    """Return the feed of a scope at a path, without its entries: a document of one and the same feed, whichever it is."""
    mirror = ground.mirror
    is_announced = scope.log and not history.page and not choice.query  # so many as the poller can tell a hub of
    query = scope.query_with(choice.query)
    name = scope.channels[0].site.name + scope.path() + (f"?{query}" if query else "")
    return render.Feed(
        id=f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        title=convert(scope.title, choice.script) + _said(choice),
        description=convert(scope.description or scope.title, choice.script),
        link=ground.absolute(scope.home(ground.layout), scope.query),
        self_link=ground.absolute(path, query),
        language=SCRIPTS.get(choice.script, mirror.language),
        ttl_minutes=mirror.ttl_minutes,
        updated=updated,
        history=history,
        hub=ground.hub if is_announced else "",
    )


def articles_of(ground: Ground, scope: Scope, choice: Choice) -> list[Article]:
    """Return the articles of a feed, newest first, as they are held."""
    limit = choice.limit or ground.mirror.entries
    most = max(limit, WINDOW) if choice.is_filter else limit
    if scope.words:
        found = ground.library.search.find(scope.words, scope.channel_ids, most)
    else:
        found = ground.library.newest(scope.channel_ids, most, tag=scope.tag)
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
        id=ground.mirror.entry_id(article.site, article.id),
        link=paths.suffixed(ground.absolute(place.page), article.id),
        via=article.url,
        title=article.title,
        summary=article.summary,
        content=SafeHtml((render.lead_figure(lead) if lead else "") + context.body(article, place)),
        published=article.published,
        updated=article.updated,
        authors=article.authors,
        tags=article.tags,
        enclosure=_enclosure(article, context, place),
        record=record,
    )


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
