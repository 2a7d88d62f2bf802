"""The contract of a store's schedule, budget and records, and of what it keeps of articles besides."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_store import NOW, PAGE, hold, item, make

from feedproxy.model import (
    Alarm,
    ArticleId,
    Backfill,
    ChannelState,
    Page,
    Picture,
    SafeHtml,
    Url,
    Validators,
)
from feedproxy.store import Store, open_store

MINUTE = timedelta(minutes=1)
URL = Url("https://news.example/list")


@pytest.fixture
def store(any_database: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(any_database, tmp_path)
    yield opened
    opened.close()


# ---------------------------------------------------------------- schedule


def test_what_is_remembered_of_a_channel_comes_back(store: Store) -> None:
    state = ChannelState(
        "c1",
        listing_hash="abc",
        polled_at=NOW,
        succeeded_at=NOW - MINUTE,
        next_poll_at=NOW + MINUTE,
        failures=2,
        last_error="http://x: silent",
        listed=20,
        ttl_s=600,
        moved_to="https://news.example/new",
        moved_since=NOW,
        gap_url="https://news.example/2",
        gap_since=NOW,
    )
    store.schedule.save_poll(state)
    store.schedule.save_outcomes("c1", "..x")
    assert store.schedule.state("c1") == replace(state, outcomes="..x")
    store.schedule.save_poll(replace(state, failures=3, outcomes="xxx"))
    assert store.schedule.states() == {"c1": replace(state, failures=3, outcomes="..x")}
    assert store.schedule.state("c2") == ChannelState("c2")


def test_first_polls_are_set_once_and_only_for_channels_that_never_were_polled(
    store: Store,
) -> None:
    store.schedule.save_poll(ChannelState("old", polled_at=NOW, next_poll_at=NOW + 9 * MINUTE))
    hold(store, make(1), channel="shown")  # known, as it has an article, but never polled
    store.schedule.plan_first({"old": NOW, "shown": NOW + MINUTE, "new": NOW + 2 * MINUTE})
    store.schedule.plan_first({"new": NOW + 5 * MINUTE, "shown": NOW + 5 * MINUTE})
    due = {name: state.next_poll_at for name, state in store.schedule.states().items()}
    assert due == {"old": NOW + 9 * MINUTE, "shown": NOW + MINUTE, "new": NOW + 2 * MINUTE}


def test_a_poll_is_claimed_by_one_of_those_who_saw_that_it_was_due(store: Store) -> None:
    assert store.schedule.begin_poll("c1", None, NOW + MINUTE)
    assert not store.schedule.begin_poll("c1", None, NOW + MINUTE)
    assert not store.schedule.begin_poll("c1", NOW, NOW + 2 * MINUTE)
    assert store.schedule.begin_poll("c1", NOW + MINUTE, NOW + 2 * MINUTE)
    assert not store.schedule.begin_poll("c1", NOW + MINUTE, NOW + 3 * MINUTE)


def test_one_leads_until_its_lease_ends_or_it_resigns(store: Store) -> None:
    assert store.lease.leader() is None
    assert store.lease.lead("a", NOW, NOW + MINUTE)
    assert not store.lease.lead("b", NOW, NOW + MINUTE)
    assert store.lease.lead("a", NOW + MINUTE / 2, NOW + 1.5 * MINUTE)
    assert not store.lease.lead("b", NOW + MINUTE, NOW + 2 * MINUTE)
    assert store.lease.lead("b", NOW + 1.5 * MINUTE, NOW + 2.5 * MINUTE)
    assert not store.lease.lead("a", NOW + 2 * MINUTE, NOW + 3 * MINUTE)
    store.lease.resign("a")
    assert store.lease.leader() == ("b", NOW + 2.5 * MINUTE)
    store.lease.resign("b")
    assert store.lease.lead("a", NOW + 2 * MINUTE, NOW + 3 * MINUTE)


def test_a_lease_of_a_clock_that_was_ahead_holds_nobody_up(store: Store) -> None:
    assert store.lease.lead("a", NOW + timedelta(days=9), NOW + timedelta(days=9, minutes=1))
    assert store.lease.lead("b", NOW, NOW + MINUTE)


def test_how_far_a_walk_has_come_is_kept_until_it_is_forgotten(store: Store) -> None:
    assert store.schedule.backfill("c1") is None
    store.schedule.save_backfill(Backfill("c1", URL, 3))
    store.schedule.save_backfill(Backfill("c1", None, 4))
    assert store.schedule.backfill("c1") == Backfill("c1", None, 4)
    store.schedule.forget_backfill("c1")
    assert store.schedule.backfill("c1") is None


def test_what_is_due_next_is_the_earliest_of_polls_articles_and_pictures(store: Store) -> None:
    def due() -> object:
        return store.schedule.next_due(["c1"], ["pic.example"], ["c1"])

    assert due() is None
    store.schedule.save_poll(ChannelState("c1", next_poll_at=NOW + 30 * MINUTE))
    store.schedule.save_poll(ChannelState("c2", next_poll_at=NOW))
    assert due() == NOW + 30 * MINUTE
    store.queue.add_listing("c1", [item(1)], NOW)
    store.queue.postpone(
        ArticleId("n1"), "answered 500", tries=1, now=NOW, try_at=NOW + 20 * MINUTE
    )
    assert due() == NOW + 20 * MINUTE
    picture = Picture(Url("https://pic.example/1.jpg"))
    hold(store, make(2, picture=picture, pictures=(picture.url,)))
    assert due() == NOW
    store.pictures.record_failure(picture.url, "answered 404", tries=1, try_at=NOW + 10 * MINUTE)
    assert due() == NOW + 10 * MINUTE
    assert store.schedule.next_due(["c1"], ["pic.example"], ["c9"]) == NOW + 20 * MINUTE


# ---------------------------------------------------------------- records


def test_what_happened_is_counted_by_name_source_and_outcome(store: Store) -> None:
    store.records.add({("polls", "c1", "ok"): 2, ("polls", "c1", "failed"): 1})
    store.records.add({("polls", "c1", "ok"): 3})
    store.records.add({})
    assert store.records.counts() == {("polls", "c1", "ok"): 5, ("polls", "c1", "failed"): 1}


def test_an_alarm_is_told_in_each_of_its_states(store: Store) -> None:
    alarm = Alarm("c1", "news.example", "article.body", URL, "no text", NOW)
    store.records.put_alarm(alarm)
    assert store.records.unsent() == store.records.alarms() == [alarm]
    store.records.mark_sent(alarm)
    assert store.records.unsent() == []
    closed = replace(alarm, closed=NOW + MINUTE)
    store.records.put_alarm(closed)
    store.records.mark_sent(alarm)  # too late: that is not its state any more
    assert store.records.unsent() == [closed]
    store.records.mark_sent(closed)
    assert store.records.unsent() == []
    assert store.records.alarms() == [closed]


# ---------------------------------------------------------------- articles


def test_what_an_article_was_before_each_change_is_kept(store: Store) -> None:
    first = make(1)
    moved = Url("https://news.example/1b")
    second = replace(
        first,
        url=moved,
        title="改过的",
        body=SafeHtml("<p>改</p>"),
        updated=NOW + MINUTE,
        picture=None,
        tags=("桥",),
    )
    third = replace(second, body=SafeHtml("<p>再改</p>"))
    hold(store, first)
    assert store.versions(first.id) == []
    for changed in (second, third):
        store.save(changed, [PAGE], {}, NOW)
    assert store.versions(first.id) == [first, second]
    assert store.article(first.id) == third


def test_a_page_comes_back_with_its_validators(store: Store) -> None:
    page = replace(PAGE, validators=Validators('"x1"', "Tue, 01 Jun 2021 12:00:00 GMT"))
    hold(store, make(1), make(2), make(3))
    store.save(make(1), [page], {}, NOW)
    store.save(make(2), [page, replace(page, url=Url("https://news.example/2b"))], {}, NOW)
    assert store.pages(ArticleId("n1")) == [page]
    ids = [ArticleId(f"n{number}") for number in range(1, 5)]
    # one in parts is asked for as a whole, so no validator speaks for it
    assert store.validators(ids) == {"n1": page.validators, "n3": Validators()}


def test_what_is_gone_is_marked_once_and_waits_no_more(store: Store) -> None:
    hold(store, make(1))
    store.queue.settle(ArticleId("n1"), again_at=NOW)
    store.save(make(1), [PAGE], {}, NOW, again_at=NOW + MINUTE)
    before = store.version(["c1"])
    store.mark_gone(ArticleId("n1"), NOW)
    store.mark_gone(ArticleId("n1"), NOW + MINUTE)
    gone = store.article(ArticleId("n1"))
    assert gone == make(1, gone=NOW)
    assert store.version(["c1"]).number == before.number + 1
    assert store.queue.of_channel("c1") == []


def test_what_is_dropped_leaves_nothing_behind(store: Store) -> None:
    hold(store, make(1), make(2, links=((ArticleId("n1"), Url("https://news.example/1")),)))
    hold(store, make(1), channel="c2")
    before = store.version(["c1"]), store.version(["c2"])
    store.drop([ArticleId("n1")], NOW)
    assert store.article(ArticleId("n1")) is None
    assert store.ids(["c1", "c2"]) == ["n2"]
    assert (store.pages(ArticleId("n1")), store.versions(ArticleId("n1"))) == ([], [])
    assert store.version(["c1"]) != before[0]
    assert store.version(["c2"]) != before[1]


def test_an_article_that_is_to_be_looked_at_again_waits_until_then(store: Store) -> None:
    hold(store, make(1))
    store.save(make(1), [PAGE], {}, NOW, again_at=NOW + MINUTE)
    assert store.queue.due_channels(NOW, NOW + 9 * MINUTE) == set()
    assert store.queue.due_channels(NOW + MINUTE, NOW + 9 * MINUTE) == {"c1"}
    # further ahead than anything waits: a clock has jumped
    assert store.queue.due_channels(NOW - 99 * MINUTE, NOW - 90 * MINUTE) == {"c1"}
    store.queue.settle(ArticleId("n1"), again_at=NOW + 5 * MINUTE)
    assert [each.try_at for each in store.queue.of_channel("c1")] == [NOW + 5 * MINUTE]
    store.queue.settle(ArticleId("n1"))
    assert store.queue.of_channel("c1") == []


def test_a_new_headline_makes_what_waits_due_at_once(store: Store) -> None:
    hold(store, make(1))
    store.save(make(1), [PAGE], {}, NOW, again_at=NOW + 99 * MINUTE)
    store.queue.add_listing("c1", [item(1, "改了标题")], NOW)
    assert [(each.try_at, each.item.title) for each in store.queue.of_channel("c1")] == [
        (None, "改了标题")
    ]


def test_what_a_channel_has_shown_is_known(store: Store) -> None:
    store.queue.add_listing("c1", [item(1), item(2)], NOW)
    store.queue.add_listing("c1", [item(2), item(3)], NOW + MINUTE)
    wanted = [ArticleId(f"n{number}") for number in range(1, 5)]
    assert store.queue.listed("c1", wanted, NOW + MINUTE) == {"n1", "n2", "n3"}
    assert store.queue.listed("c1", wanted, NOW) == {"n1", "n2"}
    assert store.queue.listed("c2", wanted, NOW + MINUTE) == set()


def test_what_may_be_pruned_is_what_no_channel_shows_among_its_newest(store: Store) -> None:
    hold(store, *(make(number) for number in range(1, 6)))
    hold(store, make(1), channel="c2")
    assert [each.id for each in store.prunable(["c1"], 2)] == ["n1", "n2", "n3"]
    assert [each.id for each in store.prunable(["c1", "c2"], 2)] == ["n2", "n3"]
    assert all(each.size > 0 for each in store.prunable(["c1"], 2))


def test_a_store_that_was_emptied_gives_its_room_back(store: Store, tmp_path: Path) -> None:
    page = Page(URL, bytes(range(256)) * 400)
    for number in range(1, 40):
        hold(store, make(number, body=SafeHtml("<p>" + "文" * 20_000 + "</p>")))
        store.save(make(number), [page], {}, NOW)
    full, file = (
        store.records.bytes_held(),
        tmp_path / "store.sqlite",
    )  # PostgreSQL looks after its files by itself
    store.drop([ArticleId(f"n{number}") for number in range(1, 40)], NOW)
    assert store.records.bytes_held() < full / 5
    store.compact()
    assert not file.exists() or file.stat().st_size < full / 3
    assert store.check() == ""
