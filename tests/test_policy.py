"""Planning: what is due, in which order, when to come back, and what counts as a change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from feedproxy import policy
from feedproxy.model import (
    HEURISTICS,
    Article,
    ArticleId,
    Channel,
    ChannelState,
    DateSource,
    ListingItem,
    Picture,
    PollRules,
    SafeHtml,
    Site,
    Source,
    Url,
    Waiting,
)

NOW = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = PollRules(min_interval_minutes=10, max_interval_minutes=100, retry_minutes=5)
# By how much of itself a wait may be longer or shorter.
JITTER = 0.1
SITE = Site("news.example", "山村新闻", ("news.example",))
CHANNELS = [
    Channel(f"c{n}", f"频道{n}", SITE, Source("html", Url(f"https://news.example/c{n}")))
    for n in range(5)
]

HELD = Article(
    id=ArticleId("n1"),
    site="news.example",
    url=Url("https://news.example/n1"),
    title="石桥修好了",
    body=SafeHtml("<p>石桥修好了。</p>"),
    summary="石桥修好了。",
    published=NOW - timedelta(days=5),
    updated=NOW - timedelta(days=4),
)


def waiting(
    number: int, *, try_in: int | None = None, tried_ago: int | None = None, tries: int = 0
) -> Waiting:
    return Waiting(
        ListingItem(
            ArticleId(f"n{number}"), Url(f"https://news.example/n{number}"), f"消息{number}"
        ),
        tries=tries,
        try_at=None if try_in is None else NOW + try_in * MINUTE,
        tried_at=None if tried_ago is None else NOW - tried_ago * MINUTE,
    )


def due_ids(states: dict[str, datetime | None]) -> list[str]:
    known = {channel: ChannelState(channel, next_poll_at=at) for channel, at in states.items()}
    return [channel.id for channel in policy.due_channels(CHANNELS, known, NOW, RULES)]


def is_about(state: ChannelState, minutes: float) -> bool:
    """Tell whether a channel is polled again in so many minutes, but for what keeps channels apart."""
    assert state.next_poll_at is not None
    return abs((state.next_poll_at - NOW) / MINUTE - minutes) <= JITTER * minutes


def article_ids(waits: list[Waiting]) -> list[str]:
    return [each.item.id for each in waits]


def test_channels_that_were_never_polled_come_first_in_the_configured_order() -> None:
    assert due_ids({}) == ["c0", "c1", "c2", "c3", "c4"]
    assert due_ids({"c0": NOW - 9 * MINUTE, "c2": NOW - 2 * MINUTE}) == [
        "c1",
        "c3",
        "c4",
        "c0",
        "c2",
    ]


def test_of_polled_channels_the_longest_overdue_comes_first() -> None:
    states = {f"c{n}": NOW - minutes * MINUTE for n, minutes in enumerate((1, 30, 2, 20, 3))}
    assert due_ids({**states}) == ["c1", "c3", "c4", "c2", "c0"]


def test_channels_that_are_overdue_alike_keep_the_configured_order() -> None:
    assert due_ids(dict.fromkeys(("c4", "c3", "c2", "c1", "c0"), NOW - MINUTE)) == [
        "c0",
        "c1",
        "c2",
        "c3",
        "c4",
    ]


def test_a_channel_is_due_at_its_minute_and_not_before() -> None:
    others = dict.fromkeys(("c2", "c3", "c4"), NOW + 9 * MINUTE)
    assert due_ids({**others, "c0": NOW, "c1": NOW + timedelta(microseconds=1)}) == ["c0"]


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 20), (1, 40), (2, 80), (3, 100), (50, 100), (100_000, 100)]
)
def test_a_failing_channel_is_asked_later_and_later_but_never_given_up(
    failures: int, minutes: int
) -> None:
    state = policy.after_poll(
        ChannelState("c0", failures=failures, last_error="https://news.example/c0: down"),
        RULES,
        NOW,
    )
    assert state.failures == failures + 1
    assert is_about(state, minutes)


def test_one_success_resets_the_back_off() -> None:
    state = ChannelState(
        "c0", last_error="https://news.example/c0: down", listing_hash="abc", listed=20
    )
    for _ in range(4):
        state = policy.after_poll(state, RULES, NOW)
    state = policy.after_poll(replace(state, last_error=""), RULES, NOW, published=[NOW])
    assert (state.failures, state.polled_at, state.succeeded_at) == (0, NOW, NOW)
    assert is_about(state, 10)
    assert (state.channel, state.listing_hash, state.listed) == ("c0", "abc", 20)
    again = policy.after_poll(
        replace(state, last_error="https://news.example/c0: down"), RULES, NOW
    )
    assert is_about(again, 20)
    assert again.succeeded_at == NOW


@pytest.mark.parametrize(
    ("tries", "minutes"), [(0, 5), (1, 10), (2, 20), (4, 80), (5, 100), (11, 100), (100_000, 2800)]
)
def test_a_failed_article_is_tried_again_later_and_later_up_to_the_cap_and_beyond_if_it_never_comes(
    tries: int, minutes: int
) -> None:
    assert policy.next_try(tries, RULES, NOW) == NOW + minutes * MINUTE


@pytest.mark.parametrize(
    ("tries", "minutes"),
    [(0, 5), (1, 10), (5, 160), (9, 2560), (10, 5120), (100_000, 30 * 24 * 60)],
)
def test_a_picture_that_failed_is_tried_again_more_and_more_rarely_for_longer_than_an_article(
    tries: int, minutes: int
) -> None:
    assert policy.next_picture_try(tries, RULES, NOW) == NOW + minutes * MINUTE


def test_articles_are_fetched_oldest_first() -> None:
    assert article_ids(policy.due_articles([waiting(3), waiting(2), waiting(1)], NOW, RULES)) == [
        "n1",
        "n2",
        "n3",
    ]


def test_an_article_that_failed_waits_for_its_time() -> None:
    waits = [waiting(4), waiting(3, try_in=1), waiting(2, try_in=0), waiting(1, try_in=-1)]
    assert article_ids(policy.due_articles(waits, NOW, RULES)) == ["n1", "n2", "n4"]


def test_a_round_takes_everything_not_tried_since_it_began_whatever_the_back_off_says() -> None:
    waits = [
        waiting(5),
        waiting(4, try_in=50, tried_ago=12, tries=1),
        waiting(3, try_in=50, tried_ago=11, tries=9),
        waiting(2, try_in=-1, tried_ago=10, tries=1),
        waiting(1, try_in=-1, tried_ago=2, tries=1),
    ]
    assert article_ids(policy.due_articles(waits, NOW, RULES, round_began=NOW - 10 * MINUTE)) == [
        "n3",
        "n4",
        "n5",
    ]


def test_a_round_leaves_what_is_only_to_be_looked_at_again_until_its_time() -> None:
    waits = [waiting(2, try_in=50, tried_ago=60), waiting(1, try_in=-1, tried_ago=60)]
    assert article_ids(policy.due_articles(waits, NOW, RULES, round_began=NOW - 10 * MINUTE)) == [
        "n1"
    ]


def test_an_article_that_is_not_held_is_new_and_stored_as_it_is() -> None:
    assert policy.merge(None, HELD, NOW) == (HELD, policy.ArticleOutcome.NEW)


def test_an_article_fetched_again_without_a_change_stays_to_the_last_field() -> None:
    fetched = replace(HELD, published=NOW, updated=NOW)
    assert policy.merge(HELD, fetched, NOW) == (HELD, policy.ArticleOutcome.SAME)


@pytest.mark.parametrize(
    "changed",
    [
        replace(HELD, title="石桥修好了（更新）"),
        replace(HELD, body=SafeHtml("<p>石桥终于修好了。</p>")),
        replace(HELD, summary="石桥终于修好了。"),
        replace(HELD, authors=("林小舟",)),
        replace(HELD, tags=("石桥",)),
        replace(HELD, picture=Picture(Url("https://i.news.example/a.jpg"))),
        replace(HELD, pictures=(Url("https://i.news.example/a.jpg"),)),
        replace(HELD, links=((ArticleId("n2"), Url("https://news.example/n2")),)),
    ],
    ids=["title", "body", "summary", "author", "tags", "picture", "pictures", "links"],
)
def test_a_change_moves_updated_and_leaves_identity_and_date(changed: Article) -> None:
    fetched = replace(changed, published=NOW, updated=NOW - MINUTE)
    kept, outcome = policy.merge(HELD, fetched, NOW)
    assert outcome is policy.ArticleOutcome.UPDATED
    assert kept == replace(changed, published=HELD.published, updated=NOW)


def test_updated_never_moves_back_when_the_clock_does() -> None:
    kept, _ = policy.merge(
        HELD, replace(HELD, title="石桥又修好了"), HELD.updated - timedelta(days=1)
    )
    assert (kept.title, kept.updated) == ("石桥又修好了", HELD.updated)


LISTED = ListingItem(HELD.id, HELD.url, "石桥修好了 村民来走")
ASKED = ListingItem(HELD.id, HELD.url, "")
GUESSED = replace(HELD, rule=HEURISTICS)
RULED = replace(HELD, rule="sites/news.example.toml")


@pytest.mark.parametrize("item", [LISTED, ASKED], ids=["listed", "asked"])
@pytest.mark.parametrize(
    "stored", [None, RULED, GUESSED], ids=["new", "held", "held by heuristics"]
)
def test_what_a_sites_rules_read_is_believed(stored: Article | None, item: ListingItem) -> None:
    assert policy.rejection_reason(stored, RULED, item, has_rules=True) == ""


def test_where_a_site_has_rules_what_heuristics_read_needs_the_headline_that_a_listing_promised() -> (
    None
):
    assert policy.rejection_reason(None, GUESSED, LISTED, has_rules=True) == ""
    assert "is not the listing's" in policy.rejection_reason(
        None, replace(GUESSED, title="系统维护中"), LISTED, has_rules=True
    )


def test_of_an_article_that_was_asked_for_no_headline_was_promised_so_heuristics_are_not_believed() -> (
    None
):
    assert "is not the listing's" in policy.rejection_reason(None, GUESSED, ASKED, has_rules=True)


def test_where_a_site_has_no_rules_heuristics_are_all_there_is() -> None:
    for item in (LISTED, ASKED):
        assert policy.rejection_reason(None, GUESSED, item, has_rules=False) == ""


def test_heuristics_never_take_the_place_of_what_the_rules_read() -> None:
    assert "the stored copy stays" in policy.rejection_reason(
        RULED, GUESSED, LISTED, has_rules=True
    )


def test_an_id_that_an_article_of_another_site_has_is_not_taken_over() -> None:
    assert "belongs to an article of news.example" in policy.rejection_reason(
        RULED, replace(RULED, site="b.example"), LISTED, has_rules=True
    )


DAY = datetime(2031, 5, 6, tzinfo=UTC)
SITE_DATES = {ArticleId(f"n{number}"): DAY + timedelta(hours=number) for number in (100, 110, 140)}


@pytest.mark.parametrize("better", [DateSource.STATED, DateSource.ADDRESS])
@pytest.mark.parametrize("guess", [DateSource.SEEN, DateSource.ESTIMATED, DateSource.UNKNOWN])
def test_a_date_from_upstream_takes_the_place_of_a_guess_once_and_is_no_update(
    guess: DateSource, better: DateSource
) -> None:
    stored = replace(HELD, dated=guess, published=NOW, updated=NOW)
    fetched = replace(stored, published=DAY, updated=DAY, dated=better)
    kept, outcome = policy.merge(stored, fetched, NOW + MINUTE)
    assert outcome is policy.ArticleOutcome.REDATED
    assert (kept.published, kept.updated, kept.dated) == (DAY, DAY, better)
    again, outcome = policy.merge(kept, replace(kept, published=NOW, dated=DateSource.STATED), NOW)
    assert (again, outcome) == (kept, policy.ArticleOutcome.SAME)


def test_a_guess_never_takes_the_place_of_a_date_nor_of_another_guess() -> None:
    for dated in (DateSource.STATED, DateSource.ADDRESS, DateSource.SEEN, DateSource.ESTIMATED):
        stored = replace(HELD, dated=dated)
        for guess in (DateSource.SEEN, DateSource.ESTIMATED, DateSource.UNKNOWN):
            assert policy.merge(stored, replace(stored, published=NOW, dated=guess), NOW) == (
                stored,
                policy.ArticleOutcome.SAME,
            )


def test_dates_are_filled_in_between_neighbours_and_never_out_of_order() -> None:
    hours = [9, None, None, 6, None]
    filled = policy.interpolate(
        [None if hour is None else DAY + timedelta(hours=hour) for hour in hours]
    )
    assert filled == [DAY + timedelta(hours=hour) for hour in (9, 8, 7, 6)] + [
        DAY + timedelta(hours=6, seconds=-1)
    ]
    assert policy.interpolate([None, None]) == [None, None]
    pinned = policy.interpolate([DAY, None, DAY + timedelta(days=9)])
    assert pinned[1] == DAY - timedelta(seconds=1)


def test_by_id_a_date_is_between_those_of_the_numbers_before_and_after_and_of_the_same_series() -> (
    None
):
    ids = [ArticleId(each) for each in ("n105", "n99", "n141", "u5", "uabc", "n0139")]
    found = policy.estimate_by_id(set(ids), SITE_DATES)
    assert found[ArticleId("n105")] == DAY + timedelta(hours=105)
    assert found[ArticleId("n99")] == SITE_DATES[ArticleId("n100")] - timedelta(seconds=1)
    assert found[ArticleId("n141")] == SITE_DATES[ArticleId("n140")] + timedelta(seconds=1)
    assert set(found) == {"n105", "n99", "n141", "n0139"}


def undated(*numbers: int) -> list[ListingItem]:
    return [
        ListingItem(ArticleId(f"u{number}"), Url(f"https://news.example/{number}"), "")
        for number in numbers
    ]


def test_only_what_is_new_on_top_of_a_polled_listing_is_dated_by_the_clock() -> None:
    stored = {ArticleId(f"u{number}"): (DAY, DateSource.ESTIMATED) for number in (1, 2, 3, 4, 5)}
    order = [7, 5, 6, 4, 3, 2, 1, 0]  # 5 is pinned, 0 comes back at the end
    dated = {
        item.id: item
        for item in policy.date_items(undated(*order), stored, policy.Sighting.NEW, NOW)
    }
    assert [dated[ArticleId(each)].dated for each in ("u7", "u6")] == [DateSource.SEEN] * 2
    assert dated[ArticleId("u7")].published == NOW.replace(microsecond=0)
    back = dated[ArticleId("u0")]
    assert (back.published, back.dated) == (DAY - timedelta(seconds=1), DateSource.ESTIMATED)


@pytest.mark.parametrize("sighting", [policy.Sighting.PAST, policy.Sighting.GAP])
def test_a_listing_without_any_date_keeps_its_order_before_its_anchor(
    sighting: policy.Sighting,
) -> None:
    dates = [item.published for item in policy.date_items(undated(3, 1, 2), {}, sighting, NOW)]
    assert all(date and date <= NOW for date in dates)
    assert dates == sorted(dates, key=lambda date: date or NOW, reverse=True)
    assert len(set(dates)) == 3


def test_articles_that_only_addresses_date_keep_the_listing_s_order_within_a_day() -> None:
    items = [replace(item, published=DAY, dated=DateSource.ADDRESS) for item in undated(2, 9, 1)]
    dates = [item.published for item in policy.date_items(items, {}, policy.Sighting.PAST, NOW)]
    assert dates == [DAY + timedelta(seconds=seconds) for seconds in (2, 1, 0)]
