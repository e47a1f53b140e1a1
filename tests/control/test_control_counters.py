"""Counters and heartbeat."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.control.counters import Counters

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)


def test_before_anything_happened() -> None:
    assert Counters().snapshot(NOW) == {
        "counts": {},
        "vetoes": {},
        "cuts": {},
        "loops": 0,
        "loop_age": None,
        "ledger_age": None,
        "sources": {},
    }


def test_snapshot_counts_and_ages() -> None:
    counters = Counters()
    counters.count("orders")
    counters.count("orders", 2)
    counters.veto("max_exposure")
    counters.veto("max_exposure")
    counters.cut("max_position")
    counters.beat(NOW - timedelta(seconds=10))
    counters.beat(NOW - timedelta(seconds=5))
    counters.stamp(NOW - timedelta(seconds=7))
    counters.source("news", True, NOW - timedelta(seconds=60))
    counters.source("news", False, NOW - timedelta(seconds=30))
    assert counters.snapshot(NOW) == {
        "counts": {"orders": 3},
        "vetoes": {"max_exposure": 2},
        "cuts": {"max_position": 1},
        "loops": 2,
        "loop_age": 5.0,
        "ledger_age": 7.0,
        "sources": {"news": {"healthy": False, "age": 30.0}},
    }


def test_a_snapshot_is_a_copy() -> None:
    counters = Counters()
    counters.count("orders")
    counters.snapshot(NOW)["counts"]["orders"] = 99
    assert counters.snapshot(NOW)["counts"] == {"orders": 1}


def test_a_counter_only_rises() -> None:
    with pytest.raises(ValueError, match="orders"):
        Counters().count("orders", -1)


def test_no_count_is_lost_between_threads() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(2000):
            counters.count("orders")
            counters.veto("halted")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshot = counters.snapshot(NOW)
    assert snapshot["counts"] == {"orders": 8000}
    assert snapshot["vetoes"] == {"halted": 8000}
