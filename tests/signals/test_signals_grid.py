"""The ladder: a table of its steps, and that it can never hold more than it was sized for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.signals.grid import Fill, Ladder, Step, due, open_rungs

LADDER = Ladder(orders=2, spacing=0.03, widening=2.0, growth=1.5, gain=0.02)


def buy(price: float, amount: float = 1.0) -> Fill:
    return Fill(price, amount, True)


def sale(price: float, amount: float = 1.0) -> Fill:
    return Fill(price, amount, False)


def test_rungs_and_sizes() -> None:
    assert [LADDER.drop(k) for k in (0, 1, 2)] == pytest.approx([0, 0.03, 0.09])
    assert LADDER.units == pytest.approx(1 + 1.5 + 2.25)
    assert sum(LADDER.share(k) for k in (0, 1, 2)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fills", "close", "step"),
    [
        ([buy(100)], 97.1, None),
        ([buy(100)], 97.0, Step(1)),
        ([buy(100)], 80.0, Step(1)),  # one rung a candle
        ([buy(100), buy(97, 1.5)], 91.1, None),
        ([buy(100), buy(97, 1.5)], 90.9, Step(2)),
        ([buy(100), buy(97, 1.5)], 98.95, Step(1, 1.5)),
        ([buy(100), buy(97, 1.5), buy(91, 2.2)], 60.0, None),  # no further rung
        ([buy(100), buy(97, 1.5), sale(99, 1.5)], 98.0, None),
        ([buy(100), buy(97, 1.5), sale(99, 1.5)], 96.9, Step(1)),
        ([buy(100)], 150.0, None),  # the first order leaves by the trade's own exits
        ([], 90.0, None),
        ([buy(100)], float("nan"), None),
        ([buy(100)], 0.0, None),
        ([buy(0.0100)], 0.0097, Step(1)),  # most coins cost less than one
    ],
)
def test_a_table_of_steps(fills: list[Fill], close: float, step: Step | None) -> None:
    assert due(fills, close, LADDER) == step


@given(st.lists(st.floats(10, 200), max_size=60), st.integers(0, 5), st.floats(1.0, 2.0))
def test_whatever_the_price_does_the_ladder_holds_no_more_than_its_size(
    closes: list[float], orders: int, growth: float
) -> None:
    ladder = Ladder(orders=orders, growth=growth)
    fills = [buy(100.0)]
    for close in closes:
        step = due(fills, close, ladder)
        if step is None:
            continue
        if step.amount:
            fills.append(sale(close, step.amount))
        else:
            fills.append(buy(close, 100.0 * ladder.growth**step.rung / close))
        paid = sum(fill.price * fill.amount for fill in open_rungs(fills))
        assert paid <= 100.0 * ladder.units * (1 + 1e-9)
        assert len(open_rungs(fills)) <= orders + 1
