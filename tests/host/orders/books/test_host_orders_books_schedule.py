"""What is looked at when: by its pace, the most urgent first, the rest in its turn."""

from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.host.orders.books.schedule import Schedule, Task

NOW = datetime(2026, 1, 10, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ORDERS, QUIET = Task("orders", "SOL/USDT"), Task("orders", "OLD/USDT", quiet=True)


@pytest.mark.parametrize(
    ("task", "pace"),
    [
        (Task("positions"), MINUTE),
        (ORDERS, MINUTE),
        (Task("balances"), 5 * MINUTE),
        (QUIET, HOUR),
    ],
    ids=lambda given: getattr(given, "place", None),
)
def test_each_has_its_pace_from_the_start_s_comparison_on(task: Task, pace: timedelta) -> None:
    schedule = Schedule()
    schedule.begin([task], NOW)
    for round_ in range(2):
        begun = NOW + round_ * pace
        assert schedule.due([task], begun + pace - SECOND) == []
        assert schedule.due([task], begun + pace) == [task]
        schedule.done(task, begun + pace, doubts=False)


def test_a_doubt_is_looked_at_again_after_seconds_before_all_else() -> None:
    schedule, others = Schedule(), [Task("positions"), ORDERS]
    schedule.begin([*others, QUIET], NOW)
    schedule.done(QUIET, NOW, doubts=True)
    assert schedule.due([*others, QUIET], NOW + 4 * SECOND) == []
    assert schedule.due([*others, QUIET], NOW + 5 * SECOND) == [QUIET]
    assert schedule.due([*others, QUIET], NOW + MINUTE)[0] == QUIET
    schedule.done(QUIET, NOW + MINUTE, doubts=False)
    assert QUIET not in schedule.due([*others, QUIET], NOW + 2 * MINUTE)


def test_the_urgent_come_first_and_of_equals_the_one_that_has_waited_longest() -> None:
    schedule, first, second = Schedule(), Task("orders", "A/USDT"), Task("orders", "B/USDT")
    tasks = [QUIET, Task("balances"), first, second, Task("positions")]
    schedule.begin(tasks, NOW)
    schedule.done(first, NOW + SECOND, doubts=False)
    expected = [second, first, Task("positions"), Task("balances"), QUIET]
    assert schedule.due(tasks, NOW + HOUR + SECOND) == expected


def test_a_pair_whose_trade_is_new_keeps_its_last_look() -> None:
    schedule, traded = Schedule(), Task("orders", "OLD/USDT")
    schedule.begin([QUIET], NOW)
    schedule.begin([traded], NOW + 30 * MINUTE)
    assert schedule.due([traded], NOW + 30 * MINUTE) == [traded]


def test_a_pair_that_is_gone_and_comes_back_is_new() -> None:
    schedule = Schedule()
    schedule.begin([ORDERS], NOW)
    schedule.begin([], NOW + MINUTE)
    schedule.begin([ORDERS], NOW + HOUR)
    assert schedule.due([ORDERS], NOW + HOUR + 59 * SECOND) == []


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    schedule = Schedule()
    schedule.begin([ORDERS], NOW + HOUR)
    assert schedule.due([ORDERS], NOW) == [ORDERS]
