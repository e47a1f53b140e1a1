"""Which losing streaks call for a pause, and which just do not."""

from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.streaks import StreakLimits, streak

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
LIMITS = StreakLimits(losses=4, losses_of=5, trades=8, net_loss=0.05, within=timedelta(hours=24))


def record(*shares: float, hours: float = 1.0) -> Record:
    """Return closes of an account of 1000, the newest an hour ago and ``hours`` apart."""
    found = Record()
    for number, share in enumerate(shares):
        time = NOW - timedelta(hours=1 + hours * (len(shares) - 1 - number))
        found = found.add(Outcome(number, time, 1000 * share, share))
    return found


LOST, WON = -0.001, 0.001


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([], None),
        ([LOST] * 3, None),
        ([LOST] * 4, "4 losing trades in a row reached 4"),
        ([LOST] * 5, "5 losing trades in a row reached 4"),
        ([LOST] * 3 + [0.0] + [LOST], None),  # what lost nothing ends it
        ([LOST, LOST, WON, LOST, LOST], None),
        ([LOST, LOST, WON, LOST, LOST, WON, LOST], "5 losing trades of the last 8 reached 5"),
        ([LOST, LOST, WON, WON, LOST, WON, WON, LOST, LOST], None),  # the oldest is out
        ([LOST, LOST, WON, WON, LOST, WON, LOST, LOST], "5 losing trades of the last 8 reached 5"),
        ([LOST, LOST, WON, LOST, LOST, WON, LOST, WON], None),  # it does not go on
        ([-0.049], None),
        ([-0.05], "a net loss of 5.0% in 24 hours reached 5.0%"),
        ([-0.07, 0.03, -0.01], "a net loss of 5.0% in 24 hours reached 5.0%"),
        ([-0.07, 0.04, -0.01], None),
        ([-0.09, WON], None),
        ([LOST] * 2 + [-0.09, LOST], "4 losing trades in a row reached 4"),  # the first is told
    ],
)
def test_a_streak(shares: list[float], words: str | None) -> None:
    assert streak(record(*shares), NOW, LIMITS) == words


@pytest.mark.parametrize(("hours", "reached"), [(22.9, True), (23.0, False)])
def test_only_the_losses_within_the_time_add_up(hours: float, reached: bool) -> None:
    found = streak(record(-0.03, -0.03, hours=hours), NOW, LIMITS)
    assert (found is not None) is reached


def test_a_review_ends_it() -> None:
    assert streak(record(*[LOST] * 6).review(), NOW, LIMITS) is None
