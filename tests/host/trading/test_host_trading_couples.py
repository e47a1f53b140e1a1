"""Two legs or none: when a leg may not stay, and what both ask for before the first one enters."""

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from couple_stage import A, B, C, D, order, trade

from freqpilot.host.account.begin import begin
from freqpilot.host.trading import couples
from freqpilot.signals.pairs import Couple


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ([trade(B, 125, short=True)], None),
        ([trade(B, 136, short=True)], None),
        ([], "orphan_leg"),
        ([trade(C, 125)], "orphan_leg"),
        ([trade(B, 125, enter_tag="force_entry")], "orphan_leg"),
        ([trade(B, 125, enter_tag=Couple(A, B, 1.25, 30, 5).tag)], "orphan_leg"),
        ([trade(B, 0, nr_of_successful_entries=0)], "orphan_leg"),
        ([trade(B, 62, short=True)], "unequal_legs"),
        ([trade(B, 150, short=True)], "unequal_legs"),
        ([trade(B, float("nan"), short=True)], "unequal_legs"),
        ([trade(B, 125, short=True, open_orders=[order("buy")])], "partner_leaves"),
        ([trade(B, 125, short=True, open_orders=[order("sell")])], None),
    ],
)
def test_a_table_of_partners(others: list[Any], why: str | None) -> None:
    own = trade(A, 100)
    assert couples.verdict(own, [own, *others]) == why


def test_a_trade_that_is_no_leg_is_left_alone() -> None:
    own = trade(A, 100, enter_tag="trend")
    assert couples.verdict(own, [own]) is None
    unfilled = trade(A, 0, nr_of_successful_entries=0)
    assert couples.verdict(unfilled, [unfilled]) is None


def test_what_is_missing_is_reserved() -> None:
    first = trade(A, 100)
    (there,) = couples.reserved([first, trade(C, 50), trade(D, 50, short=True)])
    assert (there.pair, there.side, there.stake) == (B, "short", pytest.approx(125))
    assert couples.reserved([first, trade(B, 125, short=True)]) == []


class Bot:
    """As much of a bot as :func:`couples.settle` asks for; ``faults`` exits fail first."""

    def __init__(self, trades: list[Any], faults: int = 0) -> None:
        self.trades, self.faults, self.exits = trades, faults, []
        self.exchange = SimpleNamespace(get_rate=lambda *_, **__: 100.0)
        self._exit_lock = nullcontext()

    def execute_trade_exit(self, each: Any, limit: float, *, exit_check: Any) -> bool:
        self.exits.append((each.pair, exit_check.exit_reason))
        if len(self.exits) <= self.faults:
            raise ValueError("refused")
        self.trades.remove(each)
        return True


@pytest.mark.parametrize(
    ("make", "faults", "left", "exits"),
    [
        (lambda: [trade(A, 100), trade(B, 125, short=True)], 0, 2, 0),
        (lambda: [trade(A, 100)], 0, 0, 1),
        (lambda: [trade(A, 100)], 3, 0, 4),
        (lambda: [trade(A, 100)], 9, 1, couples.ATTEMPTS),
        (lambda: [trade(A, 100), trade(B, 60, short=True)], 0, 0, 2),
        (lambda: [trade(A, 100, open_orders=[order("sell")])], 0, 1, 0),
        (lambda: [trade(A, 100, enter_tag="trend")], 0, 1, 0),
    ],
)
def test_a_broken_couple_is_closed_at_the_end_of_the_loop(
    make: Callable[[], list[Any]],
    faults: int,
    left: int,
    exits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from freqtrade.persistence import Trade

    begin({}, live=False)
    bot = Bot(make(), faults)
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: list(bot.trades)))
    couples.settle(bot)
    assert (len(bot.trades), len(bot.exits)) == (left, exits)
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: 1 / 0))
    couples.settle(bot)  # the loop goes on
