"""Transactions and snapshots of a store are values: however they are nested, what was written is there, what failed is not."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_store import NOW, PAGE, hold, item, make

from feedproxy.errors import StoreError
from feedproxy.model import ArticleId
from feedproxy.store import Store, open_store

_sources = count()


@pytest.fixture
def store(any_database: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(any_database, tmp_path)
    yield opened
    opened.close()


# ---------------------------------------------------------------- random nestings


@dataclass(frozen=True)
class Write:
    """Counts one more, by the handle at a depth; one that fails does so after the first of two statements."""

    depth: int
    name: str
    fails: bool


@dataclass(frozen=True)
class Read:
    depth: int


@dataclass(frozen=True)
class Block:
    """A transaction or snapshot that is begun on the handle at a depth, and may end with an error."""

    depth: int
    is_snapshot: bool
    fails: bool
    steps: "tuple[Step, ...]"


Step = Write | Read | Block
_depths = st.integers(0, 3)
_leaves = st.builds(Write, _depths, st.sampled_from("abc"), st.booleans()) | st.builds(
    Read, _depths
)
_steps = st.recursive(
    _leaves,
    lambda inner: (
        inner
        | st.builds(
            Block, _depths, st.booleans(), st.booleans(), st.lists(inner, max_size=5).map(tuple)
        )
    ),
    max_leaves=20,
)


class BlockError(Exception):
    """What a block ends with that fails."""


@dataclass(frozen=True)
class Handle:
    """A store, an open transaction, or a snapshot; *seen* is what a snapshot of the store must go on to show."""

    store: Store
    kind: str
    seen: list[Counter[str]] = field(default_factory=list)


@dataclass
class Run:
    """Does steps, and knows what each handle must show: *states* are what is committed, and on it each open transaction's."""

    source: str
    handles: list[Handle]
    states: list[Counter[str]]

    def do(self, step: Step) -> None:
        handle = self.handles[min(step.depth, len(self.handles) - 1)]
        if isinstance(step, Write):
            self._write(handle, step)
        elif isinstance(step, Read):
            assert self._shown(handle) == self._expected(handle)
        else:
            self._enter(handle, step)

    def _write(self, handle: Handle, step: Write) -> None:
        counts = {("test", self.source, step.name): 1}
        if step.fails:
            counts["test", self.source, "~"] = cast("int", None)
        if step.fails or not self._may_write(handle):
            with pytest.raises(StoreError) as refused:
                handle.store.records.add(counts)
            assert "locked" not in str(refused.value)
        else:
            handle.store.records.add(counts)
            self.states[-1][step.name] += 1

    def _may_write(self, handle: Handle) -> bool:
        return handle.kind == "transaction" or (handle.kind == "store" and len(self.states) == 1)

    def _enter(self, handle: Handle, block: Block) -> None:
        if block.is_snapshot:
            kind = "snapshot" if handle.kind in ("store", "snapshot") else "view"
            seen = handle.seen if handle.kind == "snapshot" else []
            with suppress(BlockError), handle.store.snapshot() as opened:
                self._inside(Handle(opened, kind, seen), block)
        elif self._may_write(handle):
            self.states.append(self.states[-1].copy())
            try:
                with handle.store.transaction() as opened:
                    self._inside(Handle(opened, "transaction"), block)
            except BlockError:
                self.states.pop()
            else:
                self.states[-2:] = self.states[-1:]
        else:
            with (
                pytest.raises(StoreError, match=r"snapshot|open transaction"),
                handle.store.transaction(),
            ):
                raise AssertionError("was begun")

    def _inside(self, handle: Handle, block: Block) -> None:
        self.handles.append(handle)
        try:
            for step in block.steps:
                self.do(step)
        finally:
            self.handles.pop()
        if block.fails:
            raise BlockError

    def _shown(self, handle: Handle) -> Counter[str]:
        counts = handle.store.records.counts()
        return Counter(
            {name: value for (_, source, name), value in counts.items() if source == self.source}
        )

    def _expected(self, handle: Handle) -> Counter[str]:
        if handle.kind == "store":
            return self.states[0]
        if handle.kind != "snapshot":
            return self.states[-1]
        if not handle.seen:
            handle.seen.append(self.states[0].copy())
        return handle.seen[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=6))
def test_what_an_outermost_block_wrote_is_there_and_what_failed_is_not(
    any_database: str, tmp_path: Path, store: Store, steps: list[Step]
) -> None:
    run = Run(str(next(_sources)), [Handle(store, "store")], [Counter()])
    for step in steps:
        run.do(step)
    with closing(open_store(any_database, tmp_path)) as other:
        assert run._shown(Handle(other, "store")) == run.states[0]


# ---------------------------------------------------------------- by name


def test_a_write_in_a_snapshot_is_refused_and_by_the_store_beside_it_is_kept(
    store: Store,
) -> None:
    with store.snapshot() as snapshot:
        assert snapshot.article(ArticleId("n1")) is None
        with pytest.raises(StoreError, match="a snapshot can't write"):
            snapshot.save(make(1), [PAGE], {}, NOW)
        hold(store, make(2))
        assert snapshot.article(ArticleId("n2")) is None
    assert [store.article(ArticleId(name)) for name in ("n1", "n2")] == [None, make(2)]


def test_an_inner_transaction_that_fails_takes_nothing_from_the_outer_one(store: Store) -> None:
    with store.transaction() as outer:
        hold(outer, make(1))
        with suppress(BlockError), outer.transaction() as inner:
            hold(inner, make(2))
            raise BlockError
        hold(outer, make(3))
        assert store.article(ArticleId("n1")) is None
    assert [each.id for each in store.newest(["c1"], 9)] == ["n3", "n1"]


def take_turn(store: Store) -> None:
    with store.exclusive_lock():
        pass


def test_what_would_wait_for_its_own_transaction_is_refused_at_once(store: Store) -> None:
    with store.transaction() as outer:
        hold(outer, make(1))
        waiting: list[Callable[[], None]] = [
            lambda: hold(store, make(2)),
            lambda: store.lease.resign("me"),
            lambda: take_turn(store),
        ]
        for action in waiting:
            with pytest.raises(StoreError, match="this thread has an open transaction"):
                action()
    assert [each.id for each in store.newest(["c1"], 9)] == ["n1"]


def test_of_a_transaction_that_sqlite_undid_by_itself_nothing_is_stored(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path)) as store:
        with suppress(StoreError), store.transaction() as transaction:
            hold(transaction, make(1))
            with transaction._db.reading() as connection:
                connection.exec_driver_sql("ROLLBACK")  # as SQLite does it where the disk is full
            with pytest.raises(StoreError, match="rolled this transaction back"):
                hold(transaction, make(2))
        assert store.ids(["c1"]) == []


def test_a_transaction_or_snapshot_that_has_ended_is_refused(store: Store) -> None:
    with store.transaction() as transaction:
        hold(transaction, make(1))
    with store.snapshot() as snapshot:
        assert snapshot.count("c1") == 1
    with pytest.raises(StoreError):
        hold(transaction, make(2))
    with pytest.raises(StoreError):
        snapshot.count("c1")
    assert store.count("c1") == 1


def test_threads_that_read_and_write_in_transactions_lose_no_write(store: Store) -> None:
    def count_one(_: int) -> None:
        with store.transaction() as transaction:
            state = transaction.schedule.state("c1")
            transaction.queue.add_listing("c1", [item(state.failures)], NOW)
            transaction.schedule.save_poll(replace(state, failures=state.failures + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_one, range(60)))
    assert (store.schedule.state("c1").failures, len(store.queue.of_channel("c1"))) == (60, 60)
