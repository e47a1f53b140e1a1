"""Features against the market, by formulas written anew, and the join of a reference pair."""

import numpy as np
import pytest

from candle_source import HOUR, beside_market, candles
from freqpilot.features.bank.library import FEATURES
from freqpilot.features.bank.registry import FeatureBank, market_features
from freqpilot.features.candles.frames import with_market
from freqpilot.shapes import Candles, Floats


def columns(source: Candles) -> dict[str, Floats]:
    frame = FeatureBank(market_features()).compute(source)
    return {name: frame.column(name).astype(np.float64) for name in frame.names}


def test_each_feature_is_what_numpy_makes_of_its_window() -> None:
    source = beside_market(5, 400)
    assert source.market is not None
    found, at = columns(source), 377
    x, m = np.log(source.close[: at + 1]), np.log(source.market[: at + 1])
    r, s = np.diff(x), np.diff(m)
    for window in (60, 240):
        a, b = r[-window:], s[-window:]
        assert found[f"beta_{window}"][at] == pytest.approx(np.polyfit(b, a, 1)[0], rel=1e-5)
        expected = np.corrcoef(a, b)[0, 1]
        assert found[f"market_correlation_{window}"][at] == pytest.approx(expected, rel=1e-5)
    slope, level = np.polyfit(m[-240:], x[-240:], 1)
    rest = x[-240:] - level - slope * m[-240:]
    score = found["cointegration_score_240"][at]
    assert score == pytest.approx(rest[-1] / rest.std(), rel=1e-5)
    lead = np.corrcoef(r[-60:], s[-61:-1])[0, 1]
    assert found["market_lead_60"][at] == pytest.approx(lead, rel=1e-5)
    hedge = np.polyfit(s[-240:], r[-240:], 1)[0]
    strength = x[-1] - x[-25] - hedge * (m[-1] - m[-25])
    assert found["relative_strength_24"][at] == pytest.approx(strength, rel=1e-5)


def test_the_market_itself_has_beta_one_and_no_spread() -> None:
    source = candles(6, 700, "jump")
    found = {name: x[300:] for name, x in columns(with_market(source, source)).items()}
    for window in (60, 240):
        assert (found[f"beta_{window}"] == 1.0).all()
        np.testing.assert_allclose(found[f"market_correlation_{window}"], 1.0, atol=1e-7)
    assert (found["cointegration_score_240"] == 0.0).all()
    assert (found["relative_strength_24"] == 0.0).all()


def test_a_fixed_multiple_of_the_market_has_its_beta_and_rounding_is_no_spread() -> None:
    source = candles(7, 700)
    twice = source.beside(np.sqrt(source.close))
    found = {name: x[300:] for name, x in columns(twice).items()}
    np.testing.assert_allclose(found["beta_240"], 2.0, rtol=1e-6)
    assert np.abs(found["cointegration_score_240"]).max() < 1e-3


@pytest.mark.parametrize("still", ["pair", "market"])
def test_what_does_not_move_has_no_beta(still: str) -> None:
    source = beside_market(8, 500)
    assert source.market is not None
    (source.close if still == "pair" else source.market)[:] = 100.0
    found = columns(source)
    for name in ("beta_60", "market_correlation_60", "market_lead_60"):
        assert (found[name][300:] == 0.0).all(), name


def test_the_market_is_joined_by_date_alone() -> None:
    source = candles(9, 12)
    hours = np.array([-3, 0, 1, 3, 4, 7, 20])
    close = np.arange(7.0)
    reference = Candles(source.date[0] + hours * HOUR, close, close, close, close, close)
    joined = with_market(source, reference)
    assert joined.market is not None
    expected = np.full(12, np.nan)
    expected[[0, 1, 3, 4, 7]] = [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(joined.market, expected)
    np.testing.assert_array_equal(joined.window(2, 5).market, expected[2:5])
    assert with_market(source.window(0, 0), reference).market is not None
    assert np.isnan(with_market(source, reference.window(0, 0)).market).all()


def test_a_reference_out_of_order_is_refused() -> None:
    source = candles(9, 12)
    with pytest.raises(ValueError, match="strictly rising"):
        with_market(source, Candles(source.date[::-1].copy(), *source[1:6]))


def test_a_missing_market_candle_is_missing_as_long_as_it_is_in_the_window() -> None:
    source = beside_market(10, 900)
    assert source.market is not None
    source.market[500] = np.nan
    for name, column in columns(source).items():
        startup = FEATURES[name].startup
        assert np.isfinite(column[startup:500]).all(), name
        assert np.isnan(column[500]), name
        assert np.isfinite(column[500 + startup :]).all(), name
