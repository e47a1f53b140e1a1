"""SAR, session VWAP, zones and chart patterns: against TA-Lib, plain loops and drawn candles."""

import numpy as np
import pytest
import talib

from candle_source import candles
from freqpilot.features.kernels import charts, sar, session, zones
from freqpilot.shapes import Floats

ORDER, LOOKBACK, UNIT = 5, 240, 1.0
NAMES = ("head", "inverse", "ascending", "descending", "symmetrical")
MIRRORED = [1, 0, 3, 2, 4]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sar_is_that_of_talib_once_their_runs_have_met(seed: int) -> None:
    c = candles(seed, 4_000)
    ours = sar.parabolic_sar(c.high, c.low, LOOKBACK, 0.02, 0.2)
    theirs = talib.SAR(c.high, c.low, 0.02, 0.2)
    assert np.isnan(ours[: LOOKBACK - 1]).all()
    np.testing.assert_allclose(ours[LOOKBACK:], theirs[LOOKBACK:], rtol=1e-9)


@pytest.mark.parametrize("window", [3, 20, 60])
def test_sar_joined_from_runs_is_that_of_each_window(window: int) -> None:
    c = candles(7, 500, "nan")
    ours = sar.parabolic_sar(c.high, c.low, window, 0.02, 0.2)
    for i in range(window - 1, 500):
        part = slice(i - window + 1, i + 1)
        if np.isfinite(c.high[part]).all():
            alone = sar.parabolic_sar(c.high[part].copy(), c.low[part].copy(), window, 0.02, 0.2)
            assert ours[i] == alone[-1]
            theirs = talib.SAR(c.high[part], c.low[part], 0.02, 0.2)[-1]
            assert ours[i] == pytest.approx(theirs, rel=1e-12)
        else:
            assert np.isnan(ours[i])


def test_session_vwap_by_plain_loop() -> None:
    c = candles(2, 300, "gap")
    day = (c.date // 86_400_000_000_000).astype(np.float64)
    price = (c.high + c.low + c.close) / 3
    ours = session.session_vwap(day, price, c.volume, c.close, 30)
    for i in range(29, 300):
        today = (day == day[i]) & (np.arange(300) <= i)
        expected = np.average(price[today], weights=c.volume[today])
        assert ours[i] == pytest.approx(expected, rel=1e-12)


def test_session_vwap_is_the_close_where_the_day_is_not_whole_or_has_no_volume() -> None:
    one = np.ones(50)
    price, close = np.linspace(1, 2, 50), np.full(50, 7.0)
    day = np.repeat([0.0, 1.0], 25)
    ours = session.session_vwap(day, price, one, close, 10)
    assert np.isnan(ours[:9]).all()
    np.testing.assert_array_equal(ours[9:25], 7.0)
    assert (ours[25:34] < 2).all(), "the first of the day and one before it are in the window"
    np.testing.assert_array_equal(ours[34:], 7.0)
    np.testing.assert_array_equal(session.session_vwap(day, price, one * 0, close, 10)[9:], 7.0)


def drawn(*corners: tuple[int, float], length: int = 330) -> tuple[Floats, Floats, Floats]:
    """Return high, low and close along straight lines through ``corners``, flat outside them.

    Prices are multiples of 2⁻⁸, so that mirroring loses nothing."""
    rows, prices = zip(*corners, strict=True)
    close = np.round(np.interp(np.arange(length), rows, prices) * 256) / 256
    return close + 0.25, close - 0.25, close


def patterns(high: Floats, low: Floats) -> Floats:
    return charts.extrema_patterns(high, low, np.full(len(high), UNIT), ORDER, LOOKBACK)


def zigzag(*extremes: float, begin: int = 250) -> tuple[tuple[int, float], ...]:
    """Return corners ten candles apart through ``extremes`` after a level start."""
    up = 1 if extremes[0] > extremes[1] else -1
    inner = [(begin + 10 * k, price) for k, price in enumerate(extremes)]
    last = len(extremes) - 1
    end = extremes[-1] - (up if last % 2 == 0 else -up) * 4
    return ((begin - 10, 100.0 + 4 * up), *inner, (begin + 10 * (last + 1), end))


DRAWN = {
    "head": (106.0, 102.0, 109.0, 102.0, 106.0),
    "inverse": (94.0, 98.0, 91.0, 98.0, 94.0),
    "ascending": (110.0, 103.0, 110.0, 105.0, 110.0),
    "descending": (90.0, 97.0, 90.0, 95.0, 90.0),
    "symmetrical": (112.0, 103.0, 110.0, 105.0, 108.0),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_pattern_scores_from_the_candle_that_confirms_it(name: str) -> None:
    high, low, _ = drawn(*zigzag(*DRAWN[name]))
    scores = patterns(high, low)
    confirmed = 290 + ORDER
    assert (scores[:, LOOKBACK:confirmed] == 0.0).all()
    expected = [1.0 if each == name else 0.0 for each in NAMES]
    np.testing.assert_array_equal(scores[:, confirmed], expected)


@pytest.mark.parametrize(
    "extremes",
    [
        (106.0, 102.0, 106.0, 102.0, 106.0),  # no head
        (106.0, 102.0, 109.0, 102.0, 104.5),  # uneven shoulders
        (106.0, 102.0, 109.0, 100.5, 106.0),  # sloping neckline
        (112.0, 103.0, 110.0, 101.0, 108.0),  # a falling channel
        (108.0, 105.0, 110.0, 103.0, 112.0),  # broadening
    ],
)
def test_a_near_miss_scores_nothing(extremes: tuple[float, ...]) -> None:
    high, low, _ = drawn(*zigzag(*extremes))
    assert np.nanmax(patterns(high, low)) == 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mirrored_market_swaps_the_patterns(seed: int) -> None:
    c = candles(seed, 2_000)
    high, low, close = (np.round(x * 256) / 256 for x in (c.high, c.low, c.close))
    unit, top = close / 50, 4_096.0
    np.testing.assert_array_equal(
        charts.extrema_patterns(top - low, top - high, unit, ORDER, LOOKBACK),
        charts.extrema_patterns(high, low, unit, ORDER, LOOKBACK)[MIRRORED],
    )
    bull = charts.flag(top - low, top - high, unit, 1.0)
    np.testing.assert_array_equal(bull, charts.flag(low, high, unit, -1.0))
    assert np.nanmax(bull) > 0
    there = zones.supply_demand(top - low, top - high, top - close, unit, LOOKBACK, 20.0)
    here = zones.supply_demand(high, low, close, unit, LOOKBACK, 20.0)
    np.testing.assert_array_equal(there, -here[[1, 0, 2]])
    assert np.nanstd(here, axis=1).min() > 0


def flag_of(rise: float, back: float) -> Floats:
    high, low, _ = drawn((250, 100.0), (258, 100.0 + rise), (268, 100.0 + rise - back))
    return charts.flag(high, low, np.full(len(high), UNIT), 1.0)


def test_a_drawn_flag_counts_from_five_candles_behind_its_pole() -> None:
    score = flag_of(8.0, 1.0)
    assert (score[30:263] == 0.0).all()
    assert score[263] > 0.7
    assert (score[264:279] > 0.5).all()
    assert (score[279:] == 0.0).all(), "a flag has at most 20 candles"


@pytest.mark.parametrize(("rise", "back"), [(2.0, 0.2), (8.0, 5.0)])
def test_a_short_pole_or_a_deep_flag_is_none(rise: float, back: float) -> None:
    score = flag_of(rise, back)
    assert (score[268:] == 0.0).all()


def test_a_zone_counts_from_its_impulse_until_a_close_goes_through_it() -> None:
    n = 270
    high, low, close = np.full(n, 102.0), np.full(n, 98.0), np.full(n, 100.0)
    high[245], low[245] = 100.25, 99.75  # the base; the others' ranges are too wide
    close[246:255] = 104.0
    close[255:260] = 100.0  # back inside
    close[260:] = 99.0  # through
    below, above, inside = zones.supply_demand(high, low, close, np.ones(n), 240, 20.0)
    assert (below[239:246] == 20.0).all()
    np.testing.assert_array_equal(below[246:255], 3.75)
    np.testing.assert_array_equal(below[255:260], 0.0)
    assert (below[260:] == 20.0).all()
    assert (above[239:] == -20.0).all()
    np.testing.assert_array_equal(inside[239:], (np.arange(239, n) // 5 == 51) * 1.0)


def test_a_slow_move_makes_no_zone() -> None:
    n = 270
    high, low, close = np.full(n, 102.0), np.full(n, 98.0), np.full(n, 100.0)
    high[245], low[245] = 100.25, 99.75
    close[249:] = 104.0  # on the fourth candle
    assert (zones.supply_demand(high, low, close, np.ones(n), 240, 20.0)[0, 239:] == 20.0).all()
