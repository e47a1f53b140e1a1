"""Partial exits at targets."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.exits.takings import Holding, Sale, due
from freqpilot.settings import ExitSettings
from freqpilot.shapes import Side

EXITS = ExitSettings(targets=True)
HOLDING = Holding("long", 100.0, bought=1.0, sold=0.0, held=1.0, leverage=1.0, min_stake=5.0)


def sale(found: Sale | None) -> tuple[float, int] | None:
    return None if found is None else (pytest.approx(found.amount), found.tier)


@pytest.mark.parametrize(
    ("rate", "sold", "expected"),
    [
        (104.99, 0.0, None),
        (105.01, 0.0, (0.3, 1)),
        (105.01, 0.3, None),  # after a restart as before it
        (105.01, 0.29, None),  # rounded to the exchange's steps
        (105.01, 0.2, (0.1, 1)),  # the order was cancelled after a partial fill
        (109.9, 0.3, None),
        (110.1, 0.3, (0.3, 2)),
        (110.1, 0.0, (0.6, 2)),
        (120.1, 0.6, (0.3, 3)),
        (150.0, 0.0, (0.9, 3)),
        (150.0, 0.9, None),
        (150.0, 0.95, None),  # a person sold more
    ],
)
def test_tiers(rate: float, sold: float, expected: tuple[float, int] | None) -> None:
    held = replace(HOLDING, sold=sold, held=1.0 - sold)
    assert sale(due(held, rate, EXITS)) == expected
    short = replace(held, side="short")
    assert sale(due(short, 200.0 - rate, ExitSettings())) is None
    assert (due(short, 200.0 - rate, EXITS) is None) == (expected is None)


def test_a_rest_below_the_minimum_is_sold_with_it() -> None:
    small = replace(HOLDING, min_stake=10.0)
    assert due(replace(small, sold=0.6, held=0.4), 121.0, EXITS) == Sale(0.4, 3)
    assert sale(due(replace(small, min_stake=5.0, sold=0.6, held=0.4), 121.0, EXITS)) == (0.3, 3)


def test_a_sale_below_the_minimum_waits_for_the_next_tier() -> None:
    small = replace(HOLDING, min_stake=34.0)
    assert due(small, 106.0, EXITS) is None
    assert due(small, 111.0, EXITS) == Sale(1.0, 2), "0.6 would leave too little"
    assert due(replace(small, min_stake=28.0), 111.0, EXITS) == Sale(pytest.approx(0.6), 2)


@given(
    side=st.sampled_from(["long", "short"]),
    moves=st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.0, 1.0)), max_size=20),
    shares=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4),
    min_stake=st.floats(0.0, 120.0),
)
def test_the_tiers_sell_at_most_the_position_and_leave_no_dust(
    side: Side, moves: list[tuple[float, float]], shares: list[float], min_stake: float
) -> None:
    whole = max(sum(shares), 1.0)
    tiers = [{"gain": 0.05 * (i + 1), "share": s / whole} for i, s in enumerate(shares)]
    exits = ExitSettings.model_validate({"targets": True, "tiers": tiers})
    sold = 0.0
    for move, filled in moves:
        rate = 100.0 * (1 + move if side == "long" else 1 - move)
        asked = due(Holding(side, 100.0, 1.0, sold, 1.0 - sold, 1.0, min_stake), rate, exits)
        if asked is None:
            continue
        assert 0 < asked.amount <= 1.0 - sold
        assert move >= tiers[asked.tier - 1]["gain"] - 1e-9
        assert asked.amount * rate >= min_stake
        rest = 1.0 - sold - asked.amount
        assert rest == 0 or rest * rate >= min_stake
        if asked.amount < 1.0 - sold:
            assert sold + asked.amount <= sum(t["share"] for t in tiers[: asked.tier]) + 1e-9
        sold += asked.amount * (1.0 if filled > 0.2 else filled)
        if sold >= 1.0:
            break
    assert sold <= 1.0
