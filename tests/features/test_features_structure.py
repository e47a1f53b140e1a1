"""Swings, order flow, trend labels, bootstraps and the forward filter against plain loops."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.signal import argrelextrema
from scipy.special import logsumexp

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.bank import structure
from freqpilot.features.bank.registry import FEATURES
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles import orderflow
from freqpilot.features.kernels import swings
from freqpilot.features.labels import sampling
from freqpilot.shapes import Candles, Floats

DAY_LENGTH = 86_400_000_000_000
NAMES = [n for n, f in FEATURES.items() if f.room == structure.__name__]


def columns(source: Candles) -> dict[str, Floats]:
    work = Workspace(source)
    return {name: work.values(FEATURES[name].node) for name in NAMES}


def test_all_features_are_there() -> None:
    assert len(NAMES) == 15
    assert max(FEATURES[name].startup for name in NAMES) <= 600


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_prefix_origin_and_future(seed: int, mutation: str) -> None:
    length, begin, cut = 880, 17 + 31 * seed, 790 - 120 * seed
    whole = candles(seed, length, mutation)
    full, part = columns(whole), columns(whole.window(0, cut))
    late = columns(whole.window(begin))
    other = columns(shuffled_after(whole, cut, seed))
    for name in NAMES:
        startup, column = FEATURES[name].startup, full[name]
        np.testing.assert_array_equal(part[name], column[:cut], err_msg=name)
        np.testing.assert_array_equal(other[name][:cut], column[:cut], err_msg=name)
        scale = float(np.nanstd(column)) if np.isfinite(column).any() else 0.0
        a, b = column[begin + startup :], late[name][startup:]
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-7, err_msg=name)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_features_settle_and_recover(mutation: str) -> None:
    for name, column in columns(candles(3, 1_500, mutation)).items():
        startup = FEATURES[name].startup
        assert not np.isinf(column).any(), name
        assert np.isnan(column[: min(startup, 200) - 1]).all(), name
        assert np.isfinite(column[startup : 750 if mutation == "nan" else None]).all(), name
        if mutation == "nan":
            assert np.isnan(column[750]), name
            assert np.isfinite(column[750 + 76 + startup :]).all(), name


@pytest.mark.parametrize("length", [0, 1, 2])
def test_tiny_features(length: int) -> None:
    for column in columns(candles(1, 5).window(0, length)).values():
        assert column.shape == (length,)
        assert np.isnan(column).all()


def test_features_of_a_flat_market() -> None:
    for name, column in columns(candles(1, 800, "flat")).items():
        expected = {"fibonacci_5": 0.5, "swing_high_age_5": 1, "swing_low_age_5": 1}.get(name, 0)
        assert np.nanmax(np.abs(column - expected)) < 1e-9, name


def test_features_vary() -> None:
    for name, column in columns(candles(4, 3_000)).items():
        assert np.nanstd(column) > 0.01, name


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_swings_against_scipy(sign: float) -> None:
    x, order, lookback = candles(5, 900).high, 4, 60
    found = argrelextrema(x * sign, np.greater, order=order)[0]
    found = found[(found >= order) & (found < len(x) - order)]
    last, before = swings.last_swings(x, order, lookback, sign)
    assert (last[: lookback - 1] == swings.UNSETTLED).all()
    for i in range(lookback - 1, len(x)):
        seen = found[(found <= i - order) & (found >= i - lookback + 1 + order)]
        assert last[i] == (seen[-1] if len(seen) else swings.NONE)
        assert before[i] == (seen[-2] if len(seen) > 1 else swings.NONE)


def test_a_swing_is_confirmed_late_and_a_plateau_has_one() -> None:
    x = np.array([1, 2, 3, 3, 2, 1, 1, 1, 1.0])
    last, _ = swings.last_swings(x, 2, 5, 1.0)
    assert last.tolist() == [-2, -2, -2, -2, -1, 3, -1, -1, -1]
    x[6] = np.nan
    assert swings.last_swings(x, 2, 5, 1.0)[0].tolist() == [-2, -2, -2, -2, -1, 3, -2, -2, -2]


def test_features_against_a_plain_loop() -> None:
    source = candles(14, 700)
    found, order = columns(source), structure.ORDER
    atr = Workspace(source).atr()
    for i in range(239, 700, 23):
        lo = i - structure.LOOKBACK + 1
        rows = range(lo + order, i - order + 1)
        tops = [s for s in rows if source.high[s - order : s + order + 1].argmax() == order]
        lows = [s for s in rows if source.low[s - order : s + order + 1].argmin() == order]
        top, low, close = source.high[tops[-1]], source.low[lows[-1]], source.close[i]
        assert found["swing_high_5"][i] == pytest.approx((close - top) / atr[i])
        assert found["swing_low_5"][i] == pytest.approx((close - low) / atr[i])
        assert found["swing_high_age_5"][i] == pytest.approx((i - tops[-1]) / 240)
        place = np.clip((close - low) / (top - low), -1, 2) if top > low else 0.5
        assert found["fibonacci_5"][i] == pytest.approx(place)
        trend = np.sign(top - source.high[tops[-2]]) + np.sign(low - source.low[lows[-2]])
        assert found["swing_trend_5"][i] == trend / 2


def test_pivots_against_pandas() -> None:
    source = candles(15, 700)
    day = (source.date // DAY_LENGTH).astype(float)
    frame = pd.DataFrame({"day": day, "h": source.high, "l": source.low, "c": source.close})
    daily = frame.groupby("day").agg({"h": "max", "l": "min", "c": "last"}).shift(1)
    high, low, close = daily.loc[day].to_numpy().T
    pivot, found, atr = (high + low + close) / 3, columns(source), Workspace(source).atr()
    for name, level in (
        ("", pivot),
        ("_resistance", 2 * pivot - low),
        ("_support", 2 * pivot - high),
    ):
        theirs = np.clip((source.close - level) / atr, -20, 20)
        ours = found[f"pivot{name}_day"]
        assert np.isnan(ours[:576]).all()
        np.testing.assert_allclose(ours[576:], theirs[576:], rtol=1e-9, atol=1e-9)


def test_retracement_by_hand() -> None:
    close = np.array([110.0, 105, 99, 200, 100, np.nan])
    bottom, top = np.full(6, 100.0), np.array([110.0, 120, 110, 110, 100, 110])
    place = swings.retracement(close, bottom, top, 1e-9)
    np.testing.assert_allclose(place, [1, 0.25, -0.1, 2, 0.5, np.nan])


def test_divergence_and_doubles_by_hand() -> None:
    price, rsi = np.array([0, 10, 0, 11, 0.0]), np.array([0, 0.8, 0, 0.5, 0])
    last, before = np.full(5, 3), np.full(5, 1)
    assert swings.divergence(price, rsi, last, before, 1, 1.0)[4] == pytest.approx(0.3)
    assert swings.divergence(price, -rsi, last, before, 1, 1.0)[4] == 0
    assert swings.divergence(-price, -rsi, last, before, 1, -1.0)[4] == pytest.approx(0.3)
    low, unit = np.array([0, 9, 4, 9, 0.0]), np.full(5, 4.0)
    score = swings.double_extreme(price, low, last, before, unit, 1.0)[4]
    assert score == pytest.approx((1 - 1 / 4) * 6 / 12)
    assert swings.double_extreme(-price, -low, last, before, unit, -1.0)[4] == score
    assert swings.double_extreme(price, low, last, before, unit * 0, 1.0)[4] == 0


def test_previous_day_against_pandas() -> None:
    source = candles(6, 500)
    day = (source.date // DAY_LENGTH).astype(float)
    frame = pd.DataFrame({"day": day, "h": source.high, "l": source.low, "c": source.close})
    daily = frame.groupby("day").agg({"h": "max", "l": "min", "c": "last"}).shift(1)
    expected = daily.loc[day].to_numpy()
    ours = np.stack(swings.previous_day(day, source.high, source.low, source.close, 49), axis=1)
    assert np.isnan(ours[:48]).all()
    np.testing.assert_array_equal(ours[48:], expected[48:])
    short = swings.previous_day(day, source.high, source.low, source.close, 20)
    np.testing.assert_array_equal(short[0][19:], source.close[19:])


def quotes(rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(7)
    bid = np.asarray(100 + np.cumsum(rng.integers(-1, 2, rows)) * 0.5, dtype=np.float64)
    sizes = rng.integers(0, 20, (2, rows)).astype(float)
    ask = np.asarray(bid + rng.integers(1, 3, rows) * 0.5, dtype=np.float64)
    return bid, sizes[0], ask, sizes[1]


def test_order_flow_against_the_formula() -> None:
    bid, bid_size, ask, ask_size = quotes(300)
    flow = orderflow.order_flow(bid, bid_size, ask, ask_size)
    b, a = np.diff(bid), np.diff(ask)
    expected = (b >= 0) * bid_size[1:] - (b <= 0) * bid_size[:-1]
    expected += (a >= 0) * ask_size[:-1] - (a <= 0) * ask_size[1:]
    assert np.isnan(flow[0])
    np.testing.assert_array_equal(flow[1:], expected)
    ours = orderflow.order_flow_imbalance(bid, bid_size, ask, ask_size, 20)
    depth = pd.Series((bid_size + ask_size) / 2).rolling(20).mean()
    theirs = (pd.Series(flow).rolling(20).sum() / depth).to_numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    bid[100] = np.nan
    again = orderflow.order_flow_imbalance(bid, bid_size, ask, ask_size, 20)
    assert np.isnan(again[100:121]).all()
    np.testing.assert_array_equal(again[121:], ours[121:])
    empty = np.zeros(50)
    assert orderflow.order_flow_imbalance(empty, empty, empty, empty, 5)[-1] == 0


def test_bulk_buy_share_against_scipy() -> None:
    close = candles(8, 300).close
    change = pd.Series(close).diff()
    theirs = stats.norm.cdf(change / change.rolling(50).std(ddof=0))
    np.testing.assert_allclose(orderflow.bulk_buy_share(close, 50), theirs, rtol=1e-9)
    assert orderflow.bulk_buy_share(np.full(60, 0.1), 50)[-1] == 0.5


def vpin_in_lots(volume: Floats, share: Floats, row: int, bucket: int, buckets: int) -> float:
    """The same with every unit of volume written out, newest first."""
    lots = np.repeat(2 * share[row::-1] - 1, volume[row::-1].astype(int))
    if len(lots) < bucket * buckets:
        return math.nan
    return float(np.abs(lots[: bucket * buckets].reshape(buckets, bucket).sum(1)).mean() / bucket)


def test_vpin_against_single_lots() -> None:
    rng = np.random.default_rng(9)
    volume, share = rng.integers(0, 12, 200).astype(float), rng.random(200)
    ours = orderflow.vpin(volume, share, 10.0, 5)
    theirs = [vpin_in_lots(volume, share, row, 10, 5) for row in range(200)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    np.testing.assert_array_equal(orderflow.vpin(volume[30:], share[30:], 10.0, 5)[40:], ours[70:])
    volume[100] = np.nan
    broken = orderflow.vpin(volume, share, 10.0, 5)
    assert np.isnan(broken[100])
    np.testing.assert_array_equal(broken[150:], ours[150:])


def test_vpin_of_one_side_nothing_and_no_bucket() -> None:
    assert orderflow.vpin(np.ones(50), np.ones(50), 5.0, 4)[-1] == pytest.approx(1)
    assert np.isnan(orderflow.vpin(np.zeros(50), np.ones(50), 5.0, 4)).all()
    assert np.isnan(orderflow.vpin(np.ones(50), np.ones(50), 0.0, 4)).all()
    assert np.isnan(orderflow.vpin(np.ones(50), np.ones(50), 5.0, 4, 19)).all()
    assert len(orderflow.vpin(np.ones(0), np.ones(0), 5.0, 4)) == 0


def test_trend_scan_against_scipy() -> None:
    x = np.log(candles(10, 120).close)
    found = sampling.trend_scan(x, 3, 12)
    for i in range(120 - 12):
        t = {}
        for horizon in range(3, 13):
            line = stats.linregress(np.arange(horizon + 1), x[i : i + horizon + 1])
            t[horizon] = line.slope / line.stderr
        best = max(t, key=lambda horizon: abs(t[horizon]))
        assert found.horizon[i] == best
        assert found.t[i] == pytest.approx(t[best], rel=1e-8)
        assert found.label[i] == np.sign(t[best])
    assert (found.end[:108] == np.arange(108) + 12).all()
    assert not found.known[108:].any()
    assert (found.end[108:] == np.arange(108, 120)).all()


def test_a_trend_label_looks_no_further_than_its_horizon() -> None:
    x = candles(11, 200).close
    full, part = sampling.trend_scan(x, 2, 20), sampling.trend_scan(x[:150], 2, 20)
    for whole, cut in zip(full, part, strict=True):
        np.testing.assert_array_equal(cut[:130], whole[:130])
    x[100] = np.nan
    gap = sampling.trend_scan(x, 2, 20)
    assert not gap.known[80:101].any()
    assert gap.known[:80].all()
    assert gap.known[101:180].all()


def test_trends_that_are_exact_flat_or_weak() -> None:
    line = sampling.trend_scan(np.linspace(0.0, 3.9, 40), 2, 10)
    assert (line.label[:30] == 1).all()
    assert np.isfinite(line.t).all()
    flat = sampling.trend_scan(np.full(40, 0.1), 2, 10)
    assert flat.known[:30].all()
    assert not flat.label.any()
    assert not flat.t.any()
    assert not sampling.trend_scan(candles(1, 99).close, 2, 10, 1e9).label.any()
    assert len(sampling.trend_scan(np.zeros(0), 2, 10).label) == 0
    with pytest.raises(ValueError, match="2 <= shortest <= longest"):
        sampling.trend_scan(np.zeros(5), 1, 10)


def test_bootstraps_draw_blocks_by_seed() -> None:
    rows = 20_000
    drawn = sampling.stationary_bootstrap(rows, 10, 3)
    assert drawn.tolist() == sampling.stationary_bootstrap(rows, 10, 3).tolist()
    assert drawn.tolist() != sampling.stationary_bootstrap(rows, 10, 4).tolist()
    assert drawn.min() >= 0
    assert drawn.max() < rows
    follows = np.diff(drawn) % rows == 1
    assert 1 / (1 - follows.mean()) == pytest.approx(10, rel=0.1)
    counts = np.histogram(drawn, 20, (0, rows))[0]
    assert counts.min() > 500, "every part of the data is drawn, its ends too"
    circular = sampling.circular_bootstrap(103, 10, 3)
    assert circular.shape == (103,)
    assert (np.diff(circular[:100].reshape(10, 10), axis=1) % 103 == 1).all()
    assert sampling.stationary_bootstrap(50, 1, 1).shape == (50,)
    for empty in (sampling.stationary_bootstrap(0, 5, 1), sampling.circular_bootstrap(0, 5, 1)):
        assert len(empty) == 0
    with pytest.raises(ValueError, match="1 or more"):
        sampling.stationary_bootstrap(5, 0.5, 1)
    with pytest.raises(ValueError, match="1 or more"):
        sampling.circular_bootstrap(5, 0, 1)


MOVES = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]])
START = np.array([1.0, 0.0, 0.0])


def filtered(log_likelihood: Floats) -> Floats:
    """The filter by whole matrices in scipy."""
    out = np.empty_like(log_likelihood)
    with np.errstate(divide="ignore"):
        moves, belief = np.log(MOVES), np.log(START)
    for i, row in enumerate(log_likelihood):
        belief = row + (logsumexp(belief[:, None] + moves, axis=0) if i else belief)
        belief = belief - logsumexp(belief)
        out[i] = np.exp(belief)
    return out


def test_forward_filter_against_scipy() -> None:
    x = np.random.default_rng(12).standard_normal(400) * np.linspace(0.5, 60, 400)
    mean, deviation = np.array([0.0, 1, -1]), np.array([0.5, 1, 2])
    ours = sampling.gaussian_log_likelihood(x, mean, deviation)
    np.testing.assert_allclose(ours, stats.norm.logpdf(x[:, None], mean, deviation), rtol=1e-12)
    found = sampling.forward_filter(ours, MOVES, START)
    np.testing.assert_allclose(found, filtered(ours), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(sampling.forward_filter(ours[:150], MOVES, START), found[:150])


@pytest.mark.parametrize("bad", [np.nan, -np.inf, np.inf])
def test_the_filter_starts_anew_behind_a_bad_row(bad: float) -> None:
    log_likelihood = -np.random.default_rng(13).random((60, 3))
    log_likelihood[30] = bad
    found = sampling.forward_filter(log_likelihood, MOVES, START)
    assert np.isnan(found[30]).all()
    np.testing.assert_array_equal(
        found[31:], sampling.forward_filter(log_likelihood[31:], MOVES, START)
    )
    assert sampling.forward_filter(log_likelihood[:0], MOVES, START).shape == (0, 3)
