"""How much leverage a position has."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.entries.leverage import STOPS, leverage


@pytest.mark.parametrize(
    ("wanted", "most", "stoploss", "maintenance", "found"),
    [
        (1.0, 3.0, -0.1, 0.01, 1.0),
        (3.0, 3.0, -0.1, 0.01, 3.0),
        (5.0, 3.0, -0.1, 0.01, 3.0),
        (5.0, 1.0, -0.1, 0.01, 1.0),
        (0.5, 3.0, -0.1, 0.01, 1.0),
        (3.0, 3.0, -0.5, 0.01, 1.0),  # the stop is half of the own money away
        (3.0, 3.0, -0.99, 0.01, 1.0),
        (9.0, 9.0, -0.3, 0.1, 3.0526315789473673),
        (9.0, 9.0, -0.3, 0.0, 9.0),
        (9.0, 9.0, math.nan, 0.1, 1.0),
        (9.0, 9.0, -0.3, math.nan, 1.0),
    ],
)
def test_leverage(
    wanted: float, most: float, stoploss: float, maintenance: float, found: float
) -> None:
    assert leverage(wanted, most, stoploss, maintenance, 0.05) == pytest.approx(found)


@given(
    st.floats(1, 125),
    st.floats(1, 125),
    st.floats(0.001, 0.99),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.booleans(),
)
def test_a_liquidation_is_two_stops_away_or_there_is_no_leverage(
    wanted: float, most: float, stop: float, maintenance: float, buffer: float, short: bool
) -> None:
    found = leverage(wanted, most, -stop, maintenance, buffer)
    assert 1.0 <= found <= max(1.0, min(wanted, most))
    if found == 1.0:
        return
    sign = 1 if short else -1
    liquidation = (1 / found - maintenance) / (1 + sign * maintenance) * (1 - buffer)
    assert liquidation >= STOPS * stop / found - 1e-9
