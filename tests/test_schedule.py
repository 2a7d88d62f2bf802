"""When a channel is due again, and what a text must have to count as whole."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedproxy import policy
from feedproxy.markup import fragment
from feedproxy.model import (
    ArticleId,
    Channel,
    ChannelState,
    ListingItem,
    Page,
    PollRules,
    Site,
    Source,
    Url,
    Waiting,
)

NOW = datetime(2031, 5, 6, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = PollRules(min_interval_minutes=10, max_interval_minutes=360)
SITE = Site("news.example", "山村新闻", ("news.example",))
CHANNEL = Channel("c1", "频道", SITE, Source("html", Url("https://news.example/c1")))


def wait_of(state: ChannelState | None = None, *, every: timedelta = HOUR, **said: object) -> float:
    """Return for how many minutes a channel rests that published ten articles, one after the other."""
    published = [NOW - every * (number + 1) for number in range(10)]
    after = policy.after_poll(state or ChannelState("c1"), RULES, NOW, published=published, **said)  # type: ignore[arg-type]
    assert after.next_poll_at is not None
    return (after.next_poll_at - NOW) / timedelta(minutes=1)


@pytest.mark.parametrize(
    ("every", "minutes"),
    [
        (timedelta(minutes=1), 10),
        (2 * HOUR, 15),
        (12 * HOUR, 90),
        (30 * HOUR, 225),
        (timedelta(days=9), 360),
    ],
)
def test_a_channel_is_polled_eight_times_for_an_article_within_the_bounds(
    every: timedelta, minutes: float
) -> None:
    assert wait_of(every=every) == pytest.approx(minutes, rel=0.1)


def test_a_channel_that_has_fallen_silent_is_asked_less_and_less() -> None:
    published = [NOW - HOUR * (number + 1) for number in range(10)]
    waits = []
    for silence in (0, 1, 3):
        now = NOW + timedelta(days=silence)
        after = policy.after_poll(ChannelState("c1"), RULES, now, published=published)
        assert after.next_poll_at is not None
        waits.append(after.next_poll_at - now)
    assert waits == sorted(waits)
    assert waits[0] < waits[2] / 3


def test_what_upstream_says_counts_if_it_is_longer() -> None:
    assert wait_of(every=2 * HOUR, fresh_s=3600) == pytest.approx(60, rel=0.1)
    assert wait_of(every=2 * HOUR, fresh_s=60) == pytest.approx(15, rel=0.1)
    assert wait_of(replace(ChannelState("c1"), ttl_s=7200), every=2 * HOUR) == pytest.approx(
        120, rel=0.1
    )
    # for a day at most, as little as for what it asks in Retry-After
    assert wait_of(every=2 * HOUR, fresh_s=10**9) == pytest.approx(24 * 60)


def test_a_channel_is_never_asked_sooner_than_upstream_says() -> None:
    for number in range(50):
        after = policy.after_poll(
            ChannelState(f"c{number}"), RULES, NOW, published=[NOW - HOUR], fresh_s=3600
        )
        assert after.next_poll_at is not None
        assert after.next_poll_at >= NOW + HOUR


def test_channels_that_were_polled_together_do_not_stay_together() -> None:
    ends = {
        policy.after_poll(
            ChannelState(f"c{number}"), RULES, NOW, published=[NOW - HOUR]
        ).next_poll_at
        for number in range(20)
    }
    assert len(ends) == 20


@pytest.mark.parametrize("quiet", [timedelta(seconds=20), 3 * HOUR])
def test_a_host_that_asks_for_patience_is_granted_it_and_that_is_no_failure(
    quiet: timedelta,
) -> None:
    state = replace(ChannelState("c1", failures=5), last_error="http://x: not asked")
    after = policy.after_poll(state, RULES, NOW, quiet_until=NOW + quiet, was_asked=False)
    assert (after.failures, after.next_poll_at) == (5, NOW + quiet)


def test_one_success_resets_what_failures_did() -> None:
    state = ChannelState("c1")
    for _ in range(5):
        state = policy.after_poll(replace(state, last_error="http://x: answered 500"), RULES, NOW)
    assert state.failures == 5
    assert state.next_poll_at is not None
    assert state.next_poll_at > NOW + 4 * HOUR
    state = policy.after_poll(replace(state, last_error=""), RULES, NOW, published=[NOW - HOUR])
    assert (state.failures, state.succeeded_at) == (0, NOW)
    assert state.next_poll_at is not None
    assert state.next_poll_at < NOW + timedelta(minutes=12)


def test_a_time_set_by_a_clock_that_was_ahead_has_come() -> None:
    states = {"c1": ChannelState("c1", next_poll_at=NOW + timedelta(days=400))}
    assert policy.due_channels([CHANNEL], states, NOW, RULES) == [CHANNEL]
    item = ListingItem(ArticleId("n1"), CHANNEL.url, "x")
    waiting = Waiting(item, tries=1, try_at=NOW + timedelta(days=400))
    assert policy.due_articles([waiting], NOW, RULES) == [waiting]


def test_first_polls_are_spread_and_those_that_were_are_not_repeated() -> None:
    channels = [replace(CHANNEL, id=f"c{number}") for number in range(4)]
    rules = replace(RULES, first_polls_minutes=20)
    assert policy.first_polls(channels, {}, NOW, rules) == {
        f"c{n}": NOW + n * timedelta(minutes=5) for n in range(4)
    }
    polled = {"c1": ChannelState("c1", next_poll_at=NOW + HOUR)}
    assert set(policy.first_polls(channels, polled, NOW, rules)) == {"c0", "c2", "c3"}


def test_a_young_article_is_looked_at_again_at_growing_distances() -> None:
    checks = []
    now: datetime | None = NOW
    while now:
        now = policy.next_check(NOW, RULES, now)
        checks.append(now)
    assert checks == [NOW + HOUR, NOW + 6 * HOUR, NOW + 24 * HOUR, None]


# ---------------------------------------------------------------- redirects

MOVED = Page(Url("https://news.example/new"), b"", moved=True)


def test_a_permanent_redirect_is_adopted_once_it_was_seen_for_a_day() -> None:
    state = ChannelState("c1")
    for hours in (0, 6, 23):
        now = NOW + hours * HOUR
        assert policy.effective_url(CHANNEL, state, now) == CHANNEL.url
        state = policy.note_redirect(CHANNEL, state, CHANNEL.url, MOVED, now)
    state = replace(state, polled_at=NOW + 24 * HOUR)
    assert policy.effective_url(CHANNEL, state, NOW + 24 * HOUR) == MOVED.url
    # another address that is configured since is asked itself, and once a day this one, too
    assert (
        policy.effective_url(
            replace(CHANNEL, source=Source("html", Url("https://news.example/c2"))),
            state,
            NOW + 24 * HOUR,
        )
        != MOVED.url
    )
    assert policy.effective_url(CHANNEL, state, NOW + 48 * HOUR) == CHANNEL.url
    # asked there directly, it stays so
    after = policy.note_redirect(
        CHANNEL, state, MOVED.url, replace(MOVED, moved=False), NOW + 25 * HOUR
    )
    assert policy.effective_url(CHANNEL, after, NOW + 26 * HOUR) == MOVED.url


@pytest.mark.parametrize(
    "between",
    [
        replace(MOVED, moved=False),
        Page(CHANNEL.url, b""),
        replace(MOVED, url=Url("https://news.example/x")),
    ],
)
def test_a_redirect_that_changes_its_mind_begins_anew(between: Page) -> None:
    state = policy.note_redirect(CHANNEL, ChannelState("c1"), CHANNEL.url, MOVED, NOW)
    state = policy.note_redirect(CHANNEL, state, CHANNEL.url, between, NOW + 12 * HOUR)
    state = policy.note_redirect(CHANNEL, state, CHANNEL.url, MOVED, NOW + 13 * HOUR)
    assert policy.effective_url(CHANNEL, state, NOW + 25 * HOUR) == CHANNEL.url


# ---------------------------------------------------------------- whole or not

LINES = [
    f"石桥第{number}次重修，匠人们在河滩上凿了整整{number}个月的青石。" for number in range(2, 30)
]
WHOLE = "".join(f"<p>{line}</p>" for line in LINES) + "<p>责任编辑：林小舟</p>"


def flaw_of(html: str, *, visible: int = 2_000, neighbours: Sequence[str] = (), **more: str) -> str:
    others = map(policy.sentences_of, neighbours)
    flaw = policy.find_flaw(policy.content_of(fragment(html), visible), neighbours=others, **more)
    return f"{flaw.reason}{' (minor)' if flaw.is_minor else ''}" if flaw else ""


def test_a_whole_article_has_no_flaw() -> None:
    assert (
        flaw_of(
            WHOLE,
            excerpt=LINES[0] * 2,
            end_marker="责任编辑",
            neighbours=[LINES[0] + "别的文章讲别的桥。"],
        )
        == ""
    )


@pytest.mark.parametrize(
    ("html", "more", "reason"),
    [
        ("<p>正文加载中</p>", {"visible": 900}, "5 characters of text on a page of 900"),
        (
            "<p>请先登录，再看全文，登录以后还可以评论。</p>",
            {"visible": 300, "excerpt": LINES[0] * 3},
            "fewer than its excerpt's",
        ),
        (
            f'<p>{LINES[0]}</p><a href="https://x.example/">{LINES[1] * 4}</a>',
            {},
            "characters of text are links",
        ),
        (WHOLE, {"neighbours": [" ".join(LINES[:-2])] * 2}, "the same text as other articles"),
        (
            WHOLE.replace("责任编辑", "编"),
            {"end_marker": "责任编辑"},
            "no '责任编辑' at its end (minor)",
        ),
        (WHOLE.replace("责任编辑", "责\ufffd编\ufffd"), {}, "2 characters could not be decoded"),
        (
            "<p>责任编辑：林小舟</p>" + WHOLE.replace("责任编辑", "编"),
            {"end_marker": "责任编辑"},
            "at its end (minor)",
        ),
    ],
)
def test_what_is_hardly_the_whole_article_is_told(
    html: str, more: dict[str, object], reason: str
) -> None:
    assert reason in flaw_of(html, **more)  # type: ignore[arg-type]


def test_a_film_with_a_line_of_text_is_whole() -> None:
    assert flaw_of('<p>看</p><img src="https://x.example/a.png">', visible=5_000) == ""


def test_that_a_series_begins_alike_is_no_fault_of_its_articles() -> None:
    assert (
        flaw_of(WHOLE, neighbours=[" ".join([*LINES[:15], "后面就各说各的了，这一篇说渡口。"])] * 4)
        == ""
    )


def test_an_article_that_was_published_twice_is_no_boilerplate() -> None:
    assert (
        flaw_of(
            WHOLE,
            neighbours=[" ".join(LINES), "别的文章讲别的桥，也讲渡口。", "又一篇讲集市和茶摊的。"],
        )
        == ""
    )


# ---------------------------------------------------------------- alarms


@given(st.text(".x", max_size=40))
def test_an_alarm_that_is_off_stays_off_while_pages_fit_and_one_that_is_on_ends_when_three_do(
    outcomes: str,
) -> None:
    latest = policy.append_outcomes("", outcomes)
    assert not policy.decide_alarm(policy.append_outcomes(latest, "....."), is_on=False)
    assert not policy.decide_alarm(policy.append_outcomes(latest, "..."), is_on=True)
    assert policy.decide_alarm(policy.append_outcomes(latest, "xxx"), is_on=False)
    assert policy.decide_alarm(policy.append_outcomes(latest, "x.."), is_on=True)
