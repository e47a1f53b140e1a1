"""What an open trade can still lose."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.exits.openrisk import AtRisk, Bound, Held, at_risk

LONG = Held("long", 2.0, 100.0, 110.0, 200.0)
SHORT = Held("short", 2.0, 100.0, 90.0, 20.0)


@pytest.mark.parametrize(
    ("held", "bounds", "found"),
    [
        (LONG, [Bound("far", 1.0), Bound("near", 95.0)], AtRisk("near", 95.0, 30.0)),
        (LONG, [Bound("rests", 95.0), Bound("bot", 95.01)], AtRisk("rests", 95.0, 30.0)),
        (LONG, [Bound("locked in", 105.0)], AtRisk("locked in", 105.0, 10.0)),
        (LONG, [Bound("none", 0.0), Bound("far", 1.0)], AtRisk("far", 1.0, 218.0)),
        (SHORT, [Bound("far", 199.0), Bound("near", 95.0)], AtRisk("near", 95.0, 10.0)),
        (SHORT, [Bound("far", 199.0)], AtRisk("far", 199.0, 40.0)),
    ],
)
def test_the_nearest_ends_it_and_of_two_alike_the_first(
    held: Held, bounds: list[Bound], found: AtRisk
) -> None:
    assert at_risk(held, bounds) == pytest.approx(found)


@pytest.mark.parametrize(
    ("held", "loss"),
    [
        (LONG, 220.0),
        (SHORT, 40.0),
        (Held("long", 2.0, 100.0, 110.0, math.inf), 220.0),
        (Held("short", 2.0, 100.0, 90.0, math.inf), math.inf),
        (Held("short", 2.0, 100.0, 120.0, 20.0), 0.0),
    ],
)
def test_without_a_stop_all_of_it_may_be_lost(held: Held, loss: float) -> None:
    passed = Bound("jumped", held.rate)
    name, price, lost = at_risk(held, [passed])
    assert (name, math.isnan(price), lost) == ("nothing", True, loss)


PRICES = st.floats(0.01, 1e5)


@given(
    rate=PRICES,
    paid=PRICES,
    stops=st.lists(PRICES, max_size=4),
    more=PRICES,
    side=st.sampled_from(["long", "short"]),
)
def test_one_more_stop_never_adds_to_the_loss(
    rate: float, paid: float, stops: list[float], more: float, side: str
) -> None:
    held = Held("long" if side == "long" else "short", 1.0, paid, rate, paid)
    before = at_risk(held, [Bound("", stop) for stop in stops]).loss
    after = at_risk(held, [Bound("", stop) for stop in [*stops, more]]).loss
    assert 0 <= after <= before
