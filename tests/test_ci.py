"""What CI promises: a test that is skipped there fails, unless the list says that it may be."""

import re
from pathlib import Path

import pytest
from conftest import failed_if_skipped

RUN = (Path(__file__).resolve().parents[1] / ".ci" / "run").read_text("utf-8")


def skipped(reason: str) -> pytest.TestReport:
    place = ("tests/test_x.py", 1, f"Skipped: {reason}")
    return pytest.TestReport("tests/test_x.py::test_x", place, {}, "skipped", place, "setup")


@pytest.mark.parametrize("reason", ["needs nginx", "needs PostgreSQL at 'x'", "whatever"])
def test_a_skipped_test_fails_in_ci_and_says_why(reason: str) -> None:
    report = failed_if_skipped(skipped(reason), no_skips=True)
    assert report.failed
    assert reason in str(report.longrepr)


@pytest.mark.parametrize(
    "reason",
    ["html5lib is not in .attacks; `make attacks` fetches it", "needs ../shared, the real pages"],
)
def test_what_the_project_does_not_carry_may_be_skipped_in_ci(reason: str) -> None:
    assert failed_if_skipped(skipped(reason), no_skips=True).skipped


def test_elsewhere_a_skipped_test_is_skipped() -> None:
    assert failed_if_skipped(skipped("needs nginx"), no_skips=False).skipped


def test_ci_runs_all_tests_and_lets_none_be_skipped() -> None:
    assert re.search(r"^TEST_NO_SKIPS=1 make test$", RUN, re.MULTILINE)
