"""Which refusals are written down: the first of its kind for a pair, a day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.account.refusals import Refusals
from freqpilot.host.run.current import end

START = datetime(2026, 1, 10, 23, 59, tzinfo=UTC)


@pytest.fixture
def refusals(tmp_path: Path) -> Iterator[Refusals]:
    yield begin({"freqpilot": {}, "user_data_dir": str(tmp_path)}, live=False).part(Refusals)
    end()


def test_a_reason_is_new_once_a_pair(refusals: Refusals) -> None:
    asked = [("A", "x"), ("A", "x"), ("B", "x"), ("A", "y"), ("A", "x"), ("B", "x")]
    new = [refusals.is_new(pair, reason, START) for pair, reason in asked]
    assert new == [True, False, True, True, False, False]


def test_what_was_allowed_is_refused_anew(refusals: Refusals) -> None:
    assert refusals.is_new("A", "x", START)
    assert refusals.is_new("B", "x", START)
    refusals.forget("A")
    refusals.forget("C")
    assert refusals.is_new("A", "x", START)
    assert not refusals.is_new("B", "x", START)


def test_each_day_begins_anew_and_holds_nothing_of_the_last(refusals: Refusals) -> None:
    for pair in "ABC":
        assert refusals.is_new(pair, "x", START)
    assert refusals.is_new("A", "x", START + timedelta(minutes=1))
    assert not refusals.is_new("A", "x", START + timedelta(minutes=1))
    assert refusals._written.keys() == {"A"}
