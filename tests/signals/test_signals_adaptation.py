"""What regimes change: by hand, and never towards more risk."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.errors import RefuseToStart
from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import RegimeName, RegimeSettings, Settings
from freqpilot.signals.adaptation import Adapted, adapt, breaks
from freqpilot.signals.regimes import NAMES, NONE, Regimes, detect

TABLE = RegimeSettings()
SOURCE = candles(3, 900)
WORK = Workspace(SOURCE)


def adapted(name: str, probability: float = 0.9, settings: RegimeSettings = TABLE) -> Adapted:
    place = np.full(len(SOURCE), NONE if not name else [*NAMES].index(name))
    found = Regimes(place, np.full(len(SOURCE), probability), np.empty((0, 6)))
    return adapt(WORK, found, settings)


def test_the_names_are_the_settings_own() -> None:
    assert set(NAMES) == set(get_args(RegimeName)) == set(TABLE.adaptation)


@pytest.mark.parametrize(
    ("name", "momentum", "reversion", "size", "stop"),
    [
        ("trending_bullish", 1.3, 0.7, 1, 1),
        ("trending_bearish", 1.3, 0.7, 1, 1),
        ("range_bound", 0.6, 1.4, 1, 1),
        ("high_volatility_breakout", 1.3, 1, 0.7, 1.5),
        ("low_volatility_compression", 1, 1, 0.7, 1),
        ("capitulation", 1, 1, 0.5, 1.5),
        ("", 1, 1, 1, 1),
    ],
)
def test_the_table_of_the_specification(
    name: str, momentum: float, reversion: float, size: float, stop: float
) -> None:
    got = adapted(name)
    assert got.weights["technical_momentum"][-1] == momentum
    assert got.weights["mean_reversion"][-1] == reversion
    assert got.size[-1] == pytest.approx(size)
    assert got.stop[-1] == stop
    assert got.long[-1] == (name not in ("capitulation", "low_volatility_compression"))


def test_a_regime_that_is_not_sure_changes_nothing() -> None:
    for name in NAMES:
        got = adapted(name, probability=0.69)
        assert (got.size[-300:] == 1).all()
        assert (got.stop[-300:] == 1).all()
        assert got.long[-300:].all()
        assert all((factor == 1).all() for factor in got.weights.values())


def test_a_compression_waits_for_the_break() -> None:
    got = adapted("low_volatility_compression")
    up, down = breaks(WORK, TABLE.break_candles)
    assert 0 < up[-400:].mean() < 0.5
    np.testing.assert_array_equal(got.long[-400:], up[-400:])
    np.testing.assert_array_equal(got.short[-400:], down[-400:])
    row = int(np.flatnonzero(up)[-1])
    assert SOURCE.close[row] > SOURCE.high[row - 20 : row].max()


@given(seed=st.integers(0, 10_000), mutation=st.sampled_from(MUTATIONS), dwell=st.integers(1, 36))
def test_nothing_is_risked_beyond_the_plain_trade(seed: int, mutation: str, dwell: int) -> None:
    work = Workspace(candles(seed, 700, mutation))
    got = adapt(work, detect(work, dwell), TABLE)
    assert ((got.size >= 0) & (got.size <= 1)).all()
    assert (got.stop >= 1).all()
    assert all(((w >= 0.5) & (w <= 1.5)).all() for w in got.weights.values())


@given(seed=st.integers(0, 10_000), cut=st.integers(1, 700), mutation=st.sampled_from(MUTATIONS))
def test_no_candle_sees_a_later_one(seed: int, cut: int, mutation: str) -> None:
    whole = candles(seed, 700, mutation)
    works = [Workspace(whole), Workspace(shuffled_after(whole, cut, seed))]
    full, other = (adapt(work, detect(work, 6), TABLE) for work in works)
    for a, b in zip(full[1:], other[1:], strict=True):
        np.testing.assert_array_equal(a[:cut], b[:cut])


@pytest.mark.parametrize(
    ("regimes", "words"),
    [
        ({"adaptation": {"capitulatio": {}}}, "did you mean 'capitulation'"),
        ({"adaptation": {"capitulation": {"siz": 1}}}, "did you mean 'size'"),
        ({"adaptation": {"capitulation": {"weights": {"event": 1}}}}, "did you mean 'events'"),
        ({"adaptation": {"range_bound": {"size": 1.2}}}, "less than or equal to 1"),
        ({"min_dwel": 3}, "did you mean 'min_dwell'"),
    ],
)
def test_a_bad_table_is_named(regimes: dict[str, object], words: str) -> None:
    with pytest.raises(RefuseToStart) as caught:
        Settings.from_config({"freqpilot": {"signals": {"regimes": regimes}}})
    assert words in str(caught.value)


def test_a_row_is_replaced_and_the_others_stay() -> None:
    section = {"signals": {"regimes": {"adaptation": {"capitulation": {"size": 0.2}}}}}
    table = Settings.from_config({"freqpilot": section}).signals.regimes.adaptation
    assert table["capitulation"].entries == "all"
    assert table["capitulation"].size == 0.2
    assert table["range_bound"] == TABLE.adaptation["range_bound"]
