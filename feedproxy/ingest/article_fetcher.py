"""Fetch, extract, check and store articles that are due; schedule a retry for those that fail."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from feedproxy import policy, urls
from feedproxy.errors import (
    AlteredPictureError,
    DeniedError,
    ExtractError,
    FeedproxyError,
    FetchError,
    GoneError,
    NotAskedError,
    QualityError,
    RuleError,
    UpstreamError,
)
from feedproxy.ingest.dates import ListingPosition, estimate_batch, known_date
from feedproxy.ingest.drafts import (
    Draft,
    article_parts,
    choose_draft,
    make_article,
    make_excerpt,
    needs_page,
)
from feedproxy.ingest.mirrored import merge_copy, picture_addresses, read_copy
from feedproxy.ingest.pictures import PictureCopy, PictureFetcher
from feedproxy.ingest.prefetch import fetch_all
from feedproxy.ingest.reports import Report
from feedproxy.ingest.services import Services
from feedproxy.ingest.verification import Verifier, check_name
from feedproxy.model import (
    EXCERPT,
    FEED,
    HEURISTICS,
    MIRRORED,
    REQUESTED,
    Article,
    Channel,
    DateSource,
    Page,
    Site,
    Source,
    StoredPicture,
    Url,
    Validators,
    Waiting,
    WaitingPicture,
)
from feedproxy.sanitise import plain_text

_log = logging.getLogger(__name__)
# Attempts to fetch an article that a reader requested; attempts, at growing intervals over two
# days, to check a stored article for corrections.
_MAX_REQUEST_TRIES = 5
_MAX_CHECK_TRIES = policy.MANY_TRIES
# An article is stored after this wait at the latest; slower pictures are fetched again later.
_PICTURE_PATIENCE_S = 20.0
# Consecutive "gone" responses, spread over two and a half hours, before an article counts as gone.
_MIN_GONE_TRIES = 6
# Articles of the same channel whose texts are compared with a new article's.
_NEIGHBOURS = 5
# Outcomes that need no new version of the article in the store.
_KEPT = (policy.ArticleOutcome.SAME, policy.ArticleOutcome.REDATED)


@dataclass(slots=True)
class _Made:
    """An article that is ready to be stored once its pictures are fetched.

    *copies* maps picture URLs to the copies at another mirror. *error* is why its page can't be
    used, if it stands in for that: then the page is tried again.
    """

    article: Article
    pages: list[Page]
    outcome: policy.ArticleOutcome
    copies: Mapping[Url, PictureCopy] = field(default_factory=dict)
    pictures: dict[Url, Future[StoredPicture]] = field(default_factory=dict)
    error: UpstreamError | None = None
    waiting: Waiting | None = None

    @property
    def is_own_text(self) -> bool:
        """Whether it was made of its feed entry, without a page: the feed tells of corrections."""
        return self.article.rule == FEED and not self.pages


class ArticleFetcher:
    """Fetches batches of a channel's articles, oldest first, and adds the outcomes to *report*."""

    def __init__(self, services: Services, channel: Channel, report: Report) -> None:
        self._services, self._channel, self._report = services, channel, report
        self._pictures, self._verifier = (
            PictureFetcher(services),
            Verifier(services.fetcher, services.store.serials),
        )
        self._neighbours: deque[frozenset[str]] = deque(maxlen=_NEIGHBOURS)
        # kept across batches: each batch stands directly above the last one in the listing
        self._places: list[ListingPosition] = []

    def fetch(self, batch: Sequence[Waiting]) -> None:
        """Fetch and store articles; read the next ones while pictures are downloaded."""
        at_once = self._services.mirror.fetch.requests_at_once
        in_hand: deque[_Made] = deque()
        undated: dict[int, _Made] = {}
        begun: dict[Url, Future[StoredPicture]] = {}
        batch = self._with_entries(batch)
        ids = [waiting.item.id for waiting in batch]
        known = self._services.store.validators(ids)
        stored = {article.id: article for article in self._services.store.articles(ids)}
        pool = ThreadPoolExecutor(at_once)
        try:
            for waiting, answer in fetch_all(self._services, batch, known, self._needs_page):
                made = self._make(waiting, stored.get(waiting.item.id), answer)
                date = known_date(made.article if made else stored.get(waiting.item.id))
                self._places.append(ListingPosition(waiting.seen, date))
                if made:
                    made.pictures = self._pictures.start(
                        pool, made.article.pictures, self._channel.id, begun, made.copies
                    )
                    if date:
                        in_hand.append(made)
                    else:
                        undated[len(self._places) - 1] = made
                if len(in_hand) > at_once:
                    self._keep(in_hand.popleft())
            for made in in_hand:
                self._keep(made)
            self._keep_undated(undated)
        finally:
            # do not wait for slow pictures: they are still due and are fetched later
            pool.shutdown(wait=False, cancel_futures=True)

    def _keep_undated(self, undated: Mapping[int, _Made]) -> None:
        """Estimate dates for the undated articles of a batch, and store the articles.

        *undated* maps indexes in the batches' listing positions to articles.
        """
        articles = {at: made.article for at, made in undated.items()}
        for at, article in estimate_batch(
            self._services, self._channel.id, articles, self._places
        ).items():
            self._places[at] = replace(self._places[at], date=known_date(article))
            undated[at].article = article
            self._keep(undated[at])

    def _with_entries(self, batch: Sequence[Waiting]) -> list[Waiting]:
        entries = self._services.store.queue.entries([waiting.item.id for waiting in batch])
        return [
            replace(waiting, item=replace(waiting.item, entry=entries.get(waiting.item.id)))
            for waiting in batch
        ]

    def _needs_page(self, waiting: Waiting) -> bool:
        return needs_page(waiting.item, self._channel)

    def _make(
        self, waiting: Waiting, stored: Article | None, answer: "Future[Page | None] | None"
    ) -> _Made | None:
        """Return the article to store for a response, None if there is nothing to store.

        Without an *answer* its page is not needed. Failures are recorded in the store and in the
        report.
        """
        try:
            site = self._site_of(waiting)
            page = answer.result() if answer else None
            if page or answer is None or (stored and stored.rule == FEED):
                return self._judge(waiting, stored, page, site)
        except UpstreamError as e:
            return self._stand_in(waiting, stored, self._proven(waiting, e))
        except FeedproxyError:
            raise
        except Exception as e:  # noqa: BLE001 (costs one article, not the batch)
            named = {"channel": self._channel.id, "url": waiting.item.url}
            _log.exception("%s: %s failed", self._channel.id, waiting.item.url, extra=named)
            self._fail(waiting, stored, ExtractError(waiting.item.url, f"failed: {e!r}"))
        else:
            if stored:
                self._settle(stored, policy.ArticleOutcome.SAME)
        return None

    def _judge(
        self, waiting: Waiting, stored: Article | None, page: Page | None, site: Site
    ) -> _Made | None:
        """Return the article to store for a fetched page, None if the stored one is unchanged.

        Without a *page* the article is made of its feed entry.

        Raises:
            UpstreamError: the article is rejected, or a part of it can't be fetched.

        """
        services, item = self._services, waiting.item
        if page and (source := services.mirror.mirrored_at(item.url)):
            return self._judge_copy(waiting, stored, page, source)
        pages, draft = self._read(page, waiting, site)
        rule = f"article.body of {site.article.name}"
        if reason := policy.rejection_reason(
            stored, draft.article, item, has_rules=bool(site.article.body)
        ):
            raise ExtractError(item.url, reason, rule)
        article, outcome = policy.merge(stored, draft.article, services.clock())
        if draft.lost and (outcome in _KEPT or (stored and stored.rule != EXCERPT)):
            raise draft.lost  # what is stored has as much, or all parts
        if outcome in _KEPT:
            self._settle(article, outcome)
            return None
        self._check_quality(waiting, draft, site)
        if draft.lost:
            self._report.note(draft.lost)
            # without validators, so that the next request is answered with the whole page
            pages = [replace(each, validators=Validators()) for each in pages]
            return _Made(article, pages, outcome, error=draft.lost, waiting=waiting)
        missed = ExtractError(item.url, "only heuristics found its text", rule)
        self._note_fit(
            waiting, rule, missed if article.rule == HEURISTICS and site.article.body else None
        )
        return _Made(article, pages, outcome)

    def _stand_in(
        self, waiting: Waiting, stored: Article | None, error: UpstreamError
    ) -> _Made | None:
        """Return an article made of its feed entry, as its page can't be used; else None.

        The text of the entry must be able to stand for the article. While upstream does not answer,
        or is busy or broken, the page is waited for during `patience_hours`.
        """
        services, rules, now = self._services, self._services.mirror.poll, self._services.clock()
        is_brief = isinstance(error, FetchError) and not isinstance(error, DeniedError | GoneError)
        is_open = stored is None or stored.rule in (FEED, EXCERPT)
        if not is_open or (is_brief and policy.is_waited_for(waiting, rules, now)):
            self._fail(waiting, stored, error)
            return None
        try:
            site = self._site_of(waiting)
            draft = choose_draft(None, waiting.item, self._channel, services.mirror, now)
            if draft:
                self._check_quality(waiting, draft, site)
        except UpstreamError:
            draft = None
        if draft is None or (stored and _is_same_text(stored, draft.article)):
            self._fail(waiting, stored, error)
            return None
        article, outcome = policy.merge(stored, draft.article, now)
        self._report.note(error)
        return _Made(article, [], outcome, error=error, waiting=waiting)

    def _judge_copy(
        self, waiting: Waiting, stored: Article | None, page: Page, source: Source
    ) -> _Made | None:
        """Return the article to store for a page of another mirror; raises as `_judge` does."""
        page = self._verifier.check(waiting.item.url, page, source)
        copy = read_copy(
            page,
            waiting.item,
            self._services.mirror,
            self._services.clock(),
            self._channel.site,
        )
        article, outcome = merge_copy(stored, copy, self._services.clock())
        if outcome in _KEPT:
            self._settle(article, outcome)
            return None
        self._check_quality(waiting, copy.draft, copy.site)
        addresses = picture_addresses(page.url, copy)
        copies = {
            url: PictureCopy(address, partial(check_name, address))
            for url, address in addresses.items()
        }
        return _Made(article, [copy.page], outcome, copies=copies)

    def _check_quality(self, waiting: Waiting, draft: Draft, site: Site) -> None:
        """Raise QualityError if a draft does not look like a complete article.

        A minor flaw is only logged once the article is older than `patience_hours`.
        """
        if not self._neighbours:
            latest = self._services.store.newest([self._channel.id], _NEIGHBOURS)
            others = (article.body for article in latest if article.id != waiting.item.id)
            self._neighbours.extend(policy.sentences_of(plain_text(body)) for body in others)
        is_own_text = draft.article.rule == FEED
        flaw = policy.find_flaw(
            draft.content,
            excerpt="" if is_own_text else waiting.item.excerpt,
            neighbours=() if is_own_text else self._neighbours,
            end_marker=site.end_marker
            if self._channel.end_marker and self._channel.id != REQUESTED and not is_own_text
            else "",
        )
        if flaw:
            published = None if draft.article.dated.is_guess else draft.article.published
            is_young = policy.is_young(
                waiting, published, self._services.mirror.poll, self._services.clock()
            )
            if is_young or not flaw.is_minor:
                raise QualityError(
                    waiting.item.url,
                    flaw.reason,
                    f"article.body of {site.article.name or site.name}",
                )
            named = {"channel": self._channel.id, "url": waiting.item.url}
            _log.warning(
                "%s: %s is stored as it is: %s",
                self._channel.id,
                waiting.item.url,
                flaw.reason,
                extra=named,
            )
        self._neighbours.append(policy.sentences_of(draft.content.text))

    def _settle(self, article: Article, outcome: policy.ArticleOutcome) -> None:
        """Schedule the next check of an unchanged article; store its new date if it has one."""
        store, now = self._services.store, self._services.clock()
        if outcome is policy.ArticleOutcome.REDATED:
            store.redate(article, now)
        store.queue.settle(
            article.id,
            again_at=policy.next_check(article.published, self._services.mirror.poll, now),
        )
        self._report.articles[outcome] += 1

    def _keep(self, made: _Made) -> None:
        """Store an article with the pictures fetched so far; the others are fetched later."""
        services, article = self._services, made.article
        fetched, failed = self._pictures.collect(made.pictures, patience_s=_PICTURE_PATIENCE_S)
        now, tries = services.clock(), 0
        again_at = policy.next_check(article.published, services.mirror.poll, now)
        if made.error and made.waiting:
            tries = _tries(made.waiting, made.error)
            again_at = policy.next_try(tries - 1, services.mirror.poll, now)
        elif made.is_own_text:
            again_at = None
        services.store.save(article, made.pages, fetched, now, again_at=again_at, tries=tries)
        for error in failed:
            if isinstance(error, AlteredPictureError):
                self._report.note(error)
            else:
                self._pictures.remember(error, WaitingPicture(Url(error.url)), self._report)
        self._report.pictures += len(fetched)
        self._report.articles[made.outcome] += 1
        if made.outcome is policy.ArticleOutcome.NEW and article.dated is DateSource.STATED:
            self._report.note_delay(now - article.published)

    # -------------------------------------------------------------- failures

    def _proven(self, waiting: Waiting, error: UpstreamError) -> UpstreamError:
        """Return the error to act on for an article.

        A "gone" response carries no signature. From a mirror that must be signed it is therefore
        replaced by an ordinary failure.
        """
        source = self._services.mirror.mirrored_at(waiting.item.url)
        if source and source.key and isinstance(error, GoneError):
            return ExtractError(error.url, f"{error.reason}, which no signature covers", MIRRORED)
        return error

    def _fail(self, waiting: Waiting, stored: Article | None, error: UpstreamError) -> None:
        """Handle a failed fetch: schedule a retry, or give up after too many failures.

        Giving up forgets a reader's request, and ends the checks of a stored article. A stored
        article that is gone upstream is marked or deleted.
        """
        article_id, now = waiting.item.id, self._services.clock()
        if isinstance(error, NotAskedError):
            self._report.note(error)
            if error.until:
                self._services.store.queue.postpone(
                    article_id, waiting.error, tries=waiting.tries, now=now, try_at=error.until
                )
            return
        tries = _tries(waiting, error)
        if isinstance(error, GoneError) and stored:
            if stored.rule != EXCERPT and tries >= _MIN_GONE_TRIES:
                self._lose(stored)
            else:
                self._put_off(waiting, stored, error)
            return
        self._report.note(error)
        self._report.articles["failed"] += 1
        self._note_fit(
            waiting,
            f"article.body of {self._channel.site.article.name or self._channel.site.name}",
            error,
        )
        is_asked_for = self._channel.id == REQUESTED
        if is_asked_for and waiting.tries + 1 >= _MAX_REQUEST_TRIES:
            self._services.store.requests.forget(article_id)
        elif stored and stored.rule != EXCERPT and tries >= _MAX_CHECK_TRIES:
            self._services.store.queue.settle(article_id)
        else:
            self._put_off(waiting, stored, error)

    def _put_off(self, waiting: Waiting, stored: Article | None, error: UpstreamError) -> None:
        """Schedule a retry; after `patience_hours`, store the listing's excerpt as a stand-in.

        No excerpt is stored when upstream is unreachable or broken: that says nothing about the
        article.
        """
        store, rules, now = self._services.store, self._services.mirror.poll, self._services.clock()
        tries = _tries(waiting, error)
        try_at = policy.next_try(tries - 1, rules, now)
        # the entry of a feed says that there is an article, whatever the page answers
        stands_in = (waiting.item.entry is not None or not _is_of_upstream(error)) and (
            rules.keep_gone or not isinstance(error, GoneError)
        )
        is_shown = bool(waiting.item.title and waiting.item.excerpt)
        if (
            stored is None
            and stands_in
            and is_shown
            and not policy.is_waited_for(waiting, rules, now)
        ):
            excerpt = make_excerpt(waiting, self._site_of(waiting), self._services.mirror, now)
            store.save(excerpt, [], {}, now, again_at=try_at, tries=tries)
            self._report.articles["excerpt"] += 1
        store.queue.postpone(waiting.item.id, error.reason, tries=tries, now=now, try_at=try_at)

    def _lose(self, stored: Article) -> None:
        """Mark an article as gone upstream, or delete it if `keep_gone` is off."""
        now = self._services.clock()
        _log.info(
            "%s: %s is gone upstream",
            self._channel.id,
            stored.url,
            extra={"channel": self._channel.id, "url": stored.url},
        )
        self._report.articles["gone"] += 1
        if self._services.mirror.poll.keep_gone:
            self._services.store.mark_gone(stored.id, now)
        else:
            self._services.store.drop([stored.id], now)

    def _note_fit(self, waiting: Waiting, rule: str, error: UpstreamError | None) -> None:
        """Record whether a page matched the rules; count repeats of an article's error once."""
        if error is None or error.reason != waiting.error:
            self._report.note_fit(waiting.item.url, rule, error)

    # -------------------------------------------------------------- pages

    def _site_of(self, waiting: Waiting) -> Site:
        """Return the site of an article: its channel's site, else the site configured for its host.

        Raises:
            ExtractError: no site is configured for the host.

        """
        entry = waiting.item.entry
        if entry and not entry.has_page:
            return self._channel.site
        host = urls.host_of(waiting.item.url)
        is_own = host in self._channel.site.hosts or self._services.mirror.mirrored_at(
            waiting.item.url
        )
        site = self._channel.site if is_own else self._services.mirror.site_of(host)
        if site is None:
            raise ExtractError(waiting.item.url, "is not at a configured site")
        return site

    def _read(self, page: Page | None, waiting: Waiting, site: Site) -> tuple[list[Page], Draft]:
        """Return the pages of an article, and the draft of the better text.

        Raises:
            UpstreamError: the request was redirected to another page, or the extraction failed.

        """
        services, item = self._services, waiting.item
        error, pages, draft = None, list[Page](), None
        if page:
            try:
                pages, draft = self._read_page(page, waiting, site)
            except RuleError as e:
                error = e
        chosen = choose_draft(draft, item, self._channel, services.mirror, services.clock())
        if chosen is None:
            raise error or ExtractError(item.url, "its feed entry has no text")
        if chosen is draft and chosen.article.rule == HEURISTICS:
            chosen = self._better_of_flawed(chosen, waiting)
        return pages or ([page] if page else []), chosen

    def _better_of_flawed(self, draft: Draft, waiting: Waiting) -> Draft:
        """Return the draft of the feed entry if the page's text is no article, else *draft*."""
        services = self._services
        flaw = policy.find_flaw(draft.content, excerpt=waiting.item.excerpt)
        if flaw is None or flaw.is_minor:
            return draft
        other = choose_draft(None, waiting.item, self._channel, services.mirror, services.clock())
        return other or draft

    def _read_page(self, page: Page, waiting: Waiting, site: Site) -> tuple[list[Page], Draft]:
        services = self._services
        found = urls.identify(site, page.url)
        if site.article_url and (found is None or found[0] != waiting.item.id):
            raise UpstreamError(waiting.item.url, f"leads to {page.url}, which is not this article")
        if _is_front(page.url) and not _is_front(waiting.item.url):
            raise ExtractError(waiting.item.url, f"leads to the front page {page.url}")
        lost = list[UpstreamError]()
        parts = article_parts(page, services.mirror, site, services.fetcher.fetch, lost.append)
        draft = make_article(parts, waiting.item, site, services.mirror, services.clock())
        draft = replace(draft, lost=next(iter(lost), None))
        is_other = policy.is_other_page(waiting.item, draft.page_titles, draft.content.text)
        if draft.article.rule == HEURISTICS and not site.article.body and is_other:
            raise ExtractError(
                waiting.item.url,
                "the page has neither the headline nor words of the listing's excerpt",
            )
        return [part for part, _ in parts], draft


def _is_front(url: Url) -> bool:
    return urlsplit(url).path in ("", "/") and not urlsplit(url).query


def _is_same_text(stored: Article, fetched: Article) -> bool:
    """Return whether a feed's entry has the text that is stored from it, whatever its markup.

    Feeds change addresses in it, such as those of counting pixels, with every request.
    """
    return (
        stored.rule == FEED
        and stored.title == fetched.title
        and plain_text(stored.body) == plain_text(fetched.body)
    )


def _is_of_upstream(error: UpstreamError) -> bool:
    """Return whether an error is an outage: upstream is unreachable or broken, not the article."""
    return isinstance(error, FetchError) and not isinstance(error, GoneError)


def _tries(waiting: Waiting, error: UpstreamError) -> int:
    """Return how often an article has failed, including this failure.

    "Gone" is counted from the first such response. Outages never raise the count to MANY_TRIES.
    """
    if isinstance(error, GoneError) and error.reason != waiting.error:
        return 1
    tries = waiting.tries + 1
    return min(tries, policy.MANY_TRIES - 1) if _is_of_upstream(error) else tries
