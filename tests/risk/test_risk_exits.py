"""Stop prices."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.exits import atr_stop, never_loosened
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Side

SETTINGS = RiskSettings()


@pytest.mark.parametrize(
    ("side", "atr", "stop"),
    [
        ("long", 2.0, 96.0),
        ("long", 5.0, 90.0),
        ("long", 6.0, 90.0),  # the hard stop is nearer
        ("short", 2.0, 104.0),
        ("short", 6.0, 110.0),
        ("long", math.nan, 90.0),
        ("long", math.inf, 90.0),
        ("short", 0.0, 110.0),
        ("short", -1.0, 110.0),
    ],
)
def test_nearer_of_atr_and_hard_stop(side: Side, atr: float, stop: float) -> None:
    assert atr_stop(side, 100.0, atr, SETTINGS) == pytest.approx(stop)


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -1.0])
def test_unsound_open_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="open rate"):
        atr_stop("long", rate, 1.0, SETTINGS)


@given(
    side=st.sampled_from(["long", "short"]),
    rate=st.floats(1e-6, 1e6),
    atr=st.floats(allow_nan=True),
)
def test_stop_is_on_the_losing_side_and_within_the_hard_stop(
    side: Side, rate: float, atr: float
) -> None:
    stop = atr_stop(side, rate, atr, SETTINGS)
    loss = (rate - stop) / rate if side == "long" else (stop - rate) / rate
    assert -1e-12 <= loss <= SETTINGS.hard_stop + 1e-12


@pytest.mark.parametrize(
    ("side", "stored", "proposed", "stop"),
    [
        ("long", 97.0, 92.0, 97.0),
        ("long", 92.0, 97.0, 97.0),
        ("short", 103.0, 108.0, 103.0),
        ("short", 108.0, 103.0, 103.0),
        ("long", 97.0, math.nan, 97.0),
        ("short", math.nan, 103.0, 103.0),
        ("short", 103.0, -math.inf, 103.0),
    ],
)
def test_never_loosened(side: Side, stored: float, proposed: float, stop: float) -> None:
    assert never_loosened(side, stored, proposed) == stop


def test_no_stop_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        never_loosened("long", math.nan, math.nan)
