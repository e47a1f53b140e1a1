"""Every registered feature, and the label: no look-ahead, and no memory beyond the startup.

A new feature is tested here without a line of its own.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, beside_market, candles, shuffled_after
from freqpilot.features.bank.library import (
    CORE,
    FEATURES,
    FeatureBank,
    FeatureStream,
    market_features,
)
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.labels.targets import triple_barrier
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles, Floats32
from freqpilot.signals.analysts import TechnicalTrend

seeds = st.integers(0, 10_000)
lengths = st.integers(680, 900)
mutations = st.sampled_from(MUTATIONS)
SPANS = LabelSettings()
EVERY = FeatureBank(tuple(FEATURES))


@given(seeds, lengths, mutations, st.data())
def test_prefix_invariance(seed: int, length: int, mutation: str, data: st.DataObject) -> None:
    whole = beside_market(seed, length, mutation)
    cut = data.draw(st.integers(1, length))
    full = EVERY.compute(whole).values
    part = EVERY.compute(whole.window(0, cut)).values
    np.testing.assert_array_equal(part, full[:cut])


@given(seeds, lengths, mutations, st.integers(1, 100))
def test_origin_invariance(seed: int, length: int, mutation: str, begin: int) -> None:
    whole = beside_market(seed, length, mutation)
    full, late = EVERY.compute(whole), EVERY.compute(whole.window(begin))
    for name, feature in FEATURES.items():
        a = full.column(name)[begin + feature.startup :]
        b = late.column(name)[feature.startup :]
        scale = np.nanstd(full.column(name)) if np.isfinite(full.column(name)).any() else 0.0
        assert np.isnan(a).tolist() == np.isnan(b).tolist(), name
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-7, err_msg=name)


@given(seeds, lengths, st.data())
def test_the_future_in_another_order_changes_nothing(
    seed: int, length: int, data: st.DataObject
) -> None:
    whole = beside_market(seed, length)
    cut = data.draw(st.integers(1, length - 1))
    other = shuffled_after(whole, cut, seed)
    a, b = EVERY.compute(whole).values, EVERY.compute(other).values
    np.testing.assert_array_equal(a[:cut], b[:cut])


@pytest.mark.parametrize("name", list(FEATURES))
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_feature_is_never_infinite_and_settles(name: str, mutation: str) -> None:
    startup = FEATURES[name].startup
    column = FeatureBank([name]).compute(beside_market(3, 1_500, mutation)).column(name)
    assert not np.isinf(column).any()
    clean = slice(startup, 750) if mutation == "nan" else slice(startup, None)
    assert np.isfinite(column[clean]).all()
    if mutation == "nan":
        assert np.isnan(column[750]), "a missing candle must not be papered over"
        assert np.isfinite(column[750 + 76 + startup :]).all(), "it must recover"


def frozen(price: float) -> Candles:
    """Return 800 candles of a market, then 3,000 of a pair that stopped trading at ``price``."""
    source = beside_market(2, 3_800)
    for column in (source.open, source.high, source.low, source.close):
        column[800:] = price
    source.volume[800:] = 0.0
    return source


@pytest.mark.parametrize("price", [100.0, 0.1])
def test_a_pair_that_stops_trading_has_no_infinite_feature_and_no_trend(price: float) -> None:
    frame = EVERY.compute(frozen(price))
    assert not np.isinf(frame.values).any()
    for name in ("trend_8_21", "trend_21_50", "trend_200", "bollinger_position_20"):
        assert np.abs(frame.column(name)[-100:]).max() < 1e-3, name
    trend = TechnicalTrend().evaluate(Workspace(frozen(price)))
    assert np.abs(trend.value[-100:]).max() < 1e-3


@pytest.mark.parametrize("length", [0, 1, 2])
def test_tiny_inputs(length: int) -> None:
    frame = EVERY.compute(beside_market(1, 5).window(0, length))
    assert frame.values.shape == (length, len(FEATURES))
    assert np.isnan(frame.values[:1]).all()


def test_startup_covers_every_feature_and_stays_small() -> None:
    assert FeatureBank(CORE).startup == max(FEATURES[name].startup for name in CORE) <= 400
    assert EVERY.startup <= 600


def test_without_a_market_only_the_features_against_it_are_missing() -> None:
    source = candles(4, 900)
    names = FeatureBank().names
    assert set(FEATURES) - set(names) == set(market_features())
    assert len(market_features()) == 7
    frame = EVERY.compute(source)
    assert np.isnan([frame.column(name) for name in market_features()]).all()
    np.testing.assert_array_equal(
        FeatureBank().compute(source).values, [*np.array([frame.column(n) for n in names]).T]
    )
    assert np.isfinite(FeatureBank().compute(source).values[600:]).all()


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(KeyError, match="no feature rsi_41"):
        FeatureBank(["rsi_41"])


@given(seeds, st.integers(150, 400), mutations, st.data())
def test_a_label_looks_no_further_than_its_horizon(
    seed: int, length: int, mutation: str, data: st.DataObject
) -> None:
    whole = beside_market(seed, length, mutation)
    cut = data.draw(st.integers(SPANS.horizon + 1, length))
    full, part = triple_barrier(whole, SPANS), triple_barrier(whole.window(0, cut), SPANS)
    settled = cut - SPANS.horizon
    for column_full, column_part in zip(full, part, strict=True):
        np.testing.assert_array_equal(column_part[:settled], column_full[:settled])
    assert not part.known[settled:].any(), "labels at the end are not known yet"
    assert (full.end - np.arange(length) <= SPANS.horizon).all()


def path(*closes: float) -> Candles:
    """Return quiet candles for the volatility window, then the given closes without wicks."""
    calm = 100 * np.exp(0.01 * (np.arange(120) % 2))
    close = np.concatenate([calm, closes])
    return Candles(np.arange(len(close)), close, close.copy(), close.copy(), close, close * 0 + 1)


@pytest.mark.parametrize(
    ("closes", "label", "taken"),
    [
        ((100.5, 107.0, 90.0), 1, 2),  # profit barrier (about +3.5 %) on the second candle
        ((100.5, 95.0, 110.0), -1, 2),
        ((100.5, 100.4, 100.6), 0, 12),  # neither in time
    ],
)
def test_labels_by_hand(closes: tuple[float, ...], label: int, taken: int) -> None:
    tail = closes + (100.5,) * 14
    barriers = triple_barrier(path(*tail), SPANS)
    entry = 119
    assert barriers.known[entry]
    assert barriers.label[entry] == label
    assert barriers.end[entry] - entry == taken


def test_a_candle_that_meets_both_barriers_is_a_loss() -> None:
    source = path(*(100.5,) * 14)
    source.high[121], source.low[121] = 120.0, 80.0
    assert triple_barrier(source, SPANS).label[120] == -1


def appended(stream: FeatureStream, source: Candles, begin: int) -> list[Floats32]:
    """Return the rows of the candles from ``begin`` on, given to ``stream`` one by one."""
    market = np.full(len(source), np.nan) if source.market is None else source.market
    columns = (source.open, source.high, source.low, source.close, source.volume, market)
    return [
        stream.append(int(source.date[i]), *(float(column[i]) for column in columns))
        for i in range(begin, len(source))
    ]


@given(seeds, lengths, mutations, st.integers(0, 700))
def test_a_live_row_is_the_row_of_a_batch(
    seed: int, length: int, mutation: str, begin: int
) -> None:
    whole, begin = beside_market(seed, length, mutation), min(begin, length)
    stream = EVERY.stream(whole.window(0, begin))
    rows = np.array(appended(stream, whole, begin)).reshape(-1, len(FEATURES))
    np.testing.assert_array_equal(rows, EVERY.compute(whole).values[begin:])


def test_a_restarted_stream_goes_on_with_the_same_rows() -> None:
    whole, bank = beside_market(11, 1_400), EVERY
    rows = np.array(appended(bank.stream(whole.window(0, 1_300)), whole, 1_300))
    restored = bank.stream(whole.window(1_300 - bank.startup, 1_350))
    again = np.array(appended(restored, whole, 1_350))
    scale = np.nanstd(bank.compute(whole).values, axis=0)
    assert (np.abs(rows[50:] - again) <= 1e-4 * scale + 1e-7).all()
    bitwise = bank.stream(whole.window(0, 1_350))
    np.testing.assert_array_equal(rows[50:], appended(bitwise, whole, 1_350))


def test_a_stream_refuses_an_old_candle_and_goes_on() -> None:
    whole, bank = candles(12, 700), FeatureBank(CORE)
    stream = bank.stream(whole.window(0, 699))
    with pytest.raises(ValueError, match="not later than the last one"):
        appended(stream, whole.window(0, 699), 698)
    row = appended(stream, whole, 699)[0]
    np.testing.assert_array_equal(row, bank.compute(whole).values[-1])


def test_pairs_on_threads_are_the_pairs_one_by_one() -> None:
    pairs = [beside_market(seed, 900, "nan") for seed in range(6)]
    bank = EVERY
    for workers in (1, 3):
        for frame, pair in zip(bank.compute_all(pairs, workers), pairs, strict=True):
            np.testing.assert_array_equal(frame.values, bank.compute(pair).values)
