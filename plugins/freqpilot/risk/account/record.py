"""What the last closed trades were worth: streaks, win rates, profit factor."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from freqpilot.shapes import Edge

KEPT = 100


class Outcome(NamedTuple):
    """A closed trade: Freqtrade's id, when, profit in stake currency after fees, and that profit
    as a share of the account's equity. ``noted`` is when it was closed by Freqtrade's database,
    where that was by a clock that was ahead."""

    trade: int
    time: datetime
    profit: float
    share: float
    noted: datetime | None = None

    def not_after(self, now: datetime) -> "Outcome":
        """Return the outcome with ``now`` as its time where that is later."""
        return self if self.time <= now else self._replace(time=now, noted=self.noted or self.time)


@dataclass(frozen=True)
class Record:
    """The last ``KEPT`` outcomes, oldest first, how many there were in all, and how many of them
    were there when a person last reviewed them: a streak counts from then on. An edge counts from
    ``edge_from`` on, when a person gave one that had shown none another trial."""

    outcomes: tuple[Outcome, ...] = ()
    total: int = 0
    reviewed: int = 0
    edge_from: int = 0

    def add(self, outcome: Outcome) -> Self:
        """Return the record with one more outcome."""
        kept = (*self.outcomes, outcome)[-KEPT:]
        return replace(self, outcomes=kept, total=self.total + 1)

    def review(self) -> Self:
        """Return the record as reviewed: its streaks are over."""
        return replace(self, reviewed=self.total)

    def retry(self) -> Self:
        """Return the record whose edge is counted anew from the next trade on."""
        return replace(self, edge_from=self.total)

    def holds(self, trade: int, time: datetime) -> bool:
        """Tell whether a trade's close was taken in already."""
        return any(
            each.trade == trade and time in (each.time, each.noted) for each in self.outcomes
        )

    @property
    def fresh(self) -> Sequence[Outcome]:
        """Outcomes since the last review."""
        count = min(len(self.outcomes), self.total - self.reviewed)
        return self.outcomes[len(self.outcomes) - count :]

    @property
    def losses_in_a_row(self) -> int:
        """Losing trades since the last that did not lose."""
        streak = 0
        for outcome in reversed(self.fresh):
            if outcome.profit >= 0:
                break
            streak += 1
        return streak

    def lost_in_a_row(self, losses: int) -> Outcome | None:
        """Return the losing trade that was the ``losses``-th in a row, None while there are
        fewer."""
        streak = self.losses_in_a_row
        return self.outcomes[losses - 1 - streak] if 0 < losses <= streak else None

    def losses_of(self, last: int) -> int:
        """Losing trades among the ``last`` ones."""
        return sum(outcome.profit < 0 for outcome in self.fresh[-last:])

    def lost_since(self, time: datetime) -> float:
        """Net loss since ``time`` as a share of equity; 0 for a gain."""
        return max(0.0, -sum(each.share for each in self.fresh if each.time > time))

    def quiet(self, now: datetime) -> timedelta:
        """Return the time since the last close; none while there was no trade."""
        return now - self.outcomes[-1].time if self.outcomes else timedelta(0)

    def win_rate(self, last: int) -> float:
        """Share of winning trades among the ``last`` ones; NaN when there were fewer."""
        if len(self.outcomes) < last:
            return math.nan
        return sum(outcome.profit > 0 for outcome in self.outcomes[-last:]) / last

    def profit_factor(self, last: int) -> float:
        """Gains over losses of the ``last`` trades; NaN without a loss or with fewer trades."""
        if len(self.outcomes) < last:
            return math.nan
        profits = [outcome.profit for outcome in self.outcomes[-last:]]
        lost = -sum(profit for profit in profits if profit < 0)
        return sum(profit for profit in profits if profit > 0) / lost if lost else math.nan

    def edge(self) -> Edge:
        """Return what the kept trades were worth, those before a new trial apart."""
        count = min(len(self.outcomes), self.total - self.edge_from)
        counted = self.outcomes[len(self.outcomes) - count :]
        wins = [each.share for each in counted if each.profit > 0]
        losses = [-each.share for each in counted if each.profit < 0]
        return Edge(
            count,
            len(wins) / count if count else 0.0,
            sum(wins) / len(wins) if wins else 0.0,
            sum(losses) / len(losses) if losses else 0.0,
            int(self.edge_from > 0),
        )

    def to_list(self) -> list[Any]:
        """Return the record as JSON has it."""
        return [self.total, self.reviewed, list(map(_row, self.outcomes)), self.edge_from]

    @classmethod
    def from_list(cls, saved: Iterable[Any]) -> Self:
        """Return the record that :meth:`to_list` gave.

        :raises ValueError: or TypeError, when it is not such a record.
        """
        total, reviewed, rows, *later = saved
        edge_from = int(later[0]) if later else 0
        outcomes = tuple(
            Outcome(
                int(trade),
                datetime.fromisoformat(time),
                float(profit),
                float(share),
                *map(datetime.fromisoformat, noted),
            )
            for trade, time, profit, share, *noted in rows
        )
        known = len(outcomes) <= int(total) and 0 <= edge_from <= int(total)
        if not known or not 0 <= int(reviewed) <= int(total):
            raise ValueError(f"{len(outcomes)} outcomes of {total}, {reviewed} reviewed")
        return cls(outcomes, int(total), int(reviewed), edge_from)


def _row(outcome: Outcome) -> list[Any]:
    noted = [] if outcome.noted is None else [outcome.noted.isoformat()]
    return [outcome.trade, outcome.time.isoformat(), outcome.profit, outcome.share, *noted]


def burst(record: Record, now: datetime, hours: float) -> float:
    """Return the net loss of the last ``hours`` as a share of equity."""
    return record.lost_since(now - timedelta(hours=hours))
