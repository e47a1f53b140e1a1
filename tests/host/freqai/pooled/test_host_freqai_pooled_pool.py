"""Names and columns that all pairs share, and what a window knows of a pair."""

import numpy as np
import pandas as pd
import pytest
from pool_stage import candles_of

from freqpilot.errors import Degraded
from freqpilot.features.labels.targets import forward_return, triple_barrier
from freqpilot.host.freqai import targets
from freqpilot.host.freqai.pooled import pool
from freqpilot.settings import LabelSettings

HOUR = 3_600


@pytest.mark.parametrize(
    ("name", "pair", "shown"),
    [
        ("%-rsi_10_BTC/USDT_1h", "BTC/USDT", "%-rsi_10_own_1h"),
        ("%-rsi_10_shift-2_BTC/USDTUSDT_4h", "BTC/USDT:USDT", "%-rsi_10_shift-2_own_4h"),
        ("%-rsi_10_WBTC/USDT_1h", "BTC/USDT", "%-rsi_10_WBTC/USDT_1h"),
        ("%-rsi_10_BTC/USDT_1h", "BTC/USDTUSDT", "%-rsi_10_BTC/USDT_1h"),
        ("%-BTC/USDT", "BTC/USDT", "%-own"),
        ("%-hour", "BTC/USDT", "%-hour"),
    ],
)
def test_a_pairs_own_name_is_own(name: str, pair: str, shown: str) -> None:
    assert pool.own_name(name, pair) == shown


def test_only_a_pairs_own_newest_features_are_ranked() -> None:
    assert pool.is_ranked("%-rsi_10_own_1h")
    for name in ("%-rsi_10_shift-1_own_1h", "%-rsi_10_BTC/USDT_1h", "%-hour", "%-known_1h"):
        assert not pool.is_ranked(name), name


def test_a_correlated_pair_stands_in_for_itself() -> None:
    names = ["%-a_own_1h", "%-a_ETH/USDT_1h", "%-hour"]
    wanted = ["%-hour", "%-a_BTC/USDT_1h", "%-a_ETH/USDT_1h", "%-a_own_1h"]
    assert pool.places(names, "BTC/USDT", wanted).tolist() == [2, 0, 1, 0]
    with pytest.raises(Degraded, match=r"ADA/USDT lacks 1 features.*%-a_BTC/USDT_1h"):
        pool.places(names, "ADA/USDT", wanted)


def frame(seed: int = 1, hours: int = 300) -> pd.DataFrame:
    return candles_of(seed, hours).assign(**{"%-a_BTC/USDT_1h": np.arange(hours, dtype=float)})


def test_two_features_of_one_name_are_refused() -> None:
    double = frame().assign(**{"%-a_own_1h": 1.0})
    with pytest.raises(Degraded, match="%-a_own_1h"):
        pool.source_of("BTC/USDT", double)


@pytest.mark.parametrize("classes", [True, False])
def test_a_windows_labels_are_those_of_its_candles_alone(classes: bool) -> None:
    source = pool.source_of("BTC/USDT", frame())
    begin = int(source.candles.date[20]) // pool.SECOND
    labels = LabelSettings(horizon=4, purge=6, volatility_window=30)
    span = pool.Span(begin, begin + 200 * HOUR, HOUR)
    member = pool.member_of(source, ("%-a_own_1h",), span, labels, classes)
    assert member is not None
    candles = source.candles.window(20, 220)
    barrier = triple_barrier(candles, labels)
    wanted = (
        np.where(barrier.known, barrier.label, np.nan)
        if classes
        else forward_return(candles, labels)
    )
    np.testing.assert_array_equal(member.y, wanted)
    np.testing.assert_array_equal(member.time, np.arange(200))
    np.testing.assert_array_equal(member.x[:, 0], np.arange(20, 220))
    known = np.isfinite(member.y)
    assert (member.end[known] > member.time[known]).all()
    assert member.end[known].max() <= 199


def test_over_a_gap_a_label_ends_when_its_candle_does() -> None:
    whole = frame()
    gap = whole.drop(index=range(100, 110)).reset_index(drop=True)
    source = pool.source_of("BTC/USDT", gap)
    begin = int(source.candles.date[0]) // pool.SECOND
    labels = LabelSettings(horizon=4, purge=6, volatility_window=30)
    span = pool.Span(begin, begin + 300 * HOUR, HOUR)
    own = targets.values(gap.assign(y=1.0), "y", 4)
    member = pool.member_of(source, ("%-a_own_1h",), span, labels, False, own)
    assert member is not None
    row = int(np.flatnonzero(member.time == 98)[0])
    assert member.end[row] == 112, "98, then 99, 110, 111, 112"
    assert np.isnan(member.y[-4:]).all()
    assert (member.end[-4:] == pool.BEYOND).all()


def test_a_young_pairs_candles_are_as_new_as_others() -> None:
    labels = LabelSettings(horizon=4, purge=6, volatility_window=30)
    old = pool.source_of("BTC/USDT", frame())
    young = pool.source_of("BTC/USDT", frame().iloc[200:].reset_index(drop=True))
    begin = int(old.candles.date[0]) // pool.SECOND
    span = pool.Span(begin, begin + 300 * HOUR, HOUR)
    ages = [
        found.weights / found.unique
        for source in (old, young)
        if (found := pool.member_of(source, ("%-a_own_1h",), span, labels, False))
    ]
    np.testing.assert_allclose(ages[0][200:], ages[1])


def test_a_pair_of_which_a_window_knows_nothing_is_none() -> None:
    source = pool.source_of("BTC/USDT", frame())
    last = int(source.candles.date[-1]) // pool.SECOND
    for begin in (last - 3 * HOUR, last + HOUR):
        span = pool.Span(begin, begin + 100 * HOUR, HOUR)
        found = pool.member_of(source, ("%-a_own_1h",), span, LabelSettings(), False)
        assert found is None


def test_candles_are_found_by_date() -> None:
    source = pool.source_of("BTC/USDT", frame())
    dates = source.candles.date[[3, 7]] + np.array([0, 1])
    at, x = pool.at_dates(source, dates, np.array([0]))
    assert at.tolist() == dates[:1].tolist()
    assert x.tolist() == [[3.0]]
    nothing = source.since(pool.BEYOND - 1)
    assert len(pool.at_dates(nothing, dates, np.array([0]))[0]) == 0


def test_columns_that_pairs_have_in_common_are_held_once() -> None:
    hours = 50
    shared, other = "%-a_BTC/USDT_1h", "%-a_ETH/USDT_1h"
    values = np.where(np.arange(hours) == 3, np.nan, np.arange(hours))
    known: pool.Kept = {}
    frames = {
        "BTC/USDT": candles_of(1, hours).assign(**{shared: values, other: 1.0}),
        "ETH/USDT": candles_of(2, hours).assign(**{other: 2.0, shared: values}),
        "ADA/USDT": candles_of(3, hours).assign(**{other: 1.0, shared: values}),
    }
    alone = {pair: pool.source_of(pair, found) for pair, found in frames.items()}
    beside = {pair: pool.source_of(pair, found, kept=known) for pair, found in frames.items()}
    first, second, third = (beside[pair].columns for pair in frames)
    assert first[0] is second[1] is third[1]
    assert first[1] is third[0]
    assert first[1] is not second[0], "the same name, but other figures"
    later = pool.source_of("XRP/USDT", frames["ADA/USDT"].iloc[1:], kept=known)
    assert len(later.columns[1]) == hours - 1, "other times"
    numbers = np.array([1, 0])
    for pair in frames:
        assert alone[pair].names == beside[pair].names
        for rows in (slice(2, 40), np.array([7, 3])):
            found = beside[pair].of(rows, numbers)
            np.testing.assert_array_equal(found, alone[pair].of(rows, numbers))
            wanted = frames[pair].iloc[rows, [-1, -2]].to_numpy(np.float32)
            np.testing.assert_array_equal(found, wanted)
