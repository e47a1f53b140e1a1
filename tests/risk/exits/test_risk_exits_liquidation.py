"""The way of a futures position to its liquidation."""

import math

import pytest

from freqpilot.risk.exits.liquidation import price_at, used
from freqpilot.shapes import Side


@pytest.mark.parametrize(
    ("side", "liquidation", "share", "price"),
    [("long", 80.0, 0.5, 90.0), ("long", 80.0, 0.75, 85.0), ("short", 120.0, 0.5, 110.0)],
)
def test_a_price_on_the_way(side: Side, liquidation: float, share: float, price: float) -> None:
    assert price_at(side, 100.0, liquidation, share) == pytest.approx(price)
    assert used(side, 100.0, liquidation, price) == pytest.approx(share)


@pytest.mark.parametrize(
    ("side", "paid", "liquidation"),
    [
        ("long", 100.0, 0.0),
        ("long", 100.0, math.nan),
        ("long", 100.0, 100.0),
        ("short", 100.0, 90.0),
        ("long", 0.0, 80.0),
    ],
)
def test_where_there_is_no_way_nothing_is_said(side: Side, paid: float, liquidation: float) -> None:
    assert math.isnan(price_at(side, paid, liquidation, 0.5))
    assert math.isnan(used(side, paid, liquidation, 95.0))


@pytest.mark.parametrize(
    ("side", "rate", "share"),
    [("long", 105.0, 0.0), ("long", 70.0, 1.5), ("short", 95.0, 0.0), ("short", 125.0, 1.25)],
)
def test_a_gain_uses_nothing(side: Side, rate: float, share: float) -> None:
    assert used(side, 100.0, 80.0 if side == "long" else 120.0, rate) == pytest.approx(share)
