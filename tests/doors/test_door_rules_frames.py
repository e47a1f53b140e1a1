"""The frames of the rule-based strategies, without a bot: sides, and nothing from the future."""

import importlib
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from candle_source import candles
from freqpilot.host.boot.doors import door_dir
from freqpilot.shapes import Candles

SHORTS = ("TrendFollowing", "MeanReversion", "Breakout")
LONGS = ("MomentumRotation", "DcaGrid", "Rebalancer")
PAIR, OTHER = "A/USDT", "B/USDT"
LENGTHS = {"TrendFollowing": 9_000, "MomentumRotation": 4_000, "Rebalancer": 2_000}
NEEDED = ("enter_long", "enter_short", "exit_long", "exit_short")


def frame_of(source: Candles) -> pd.DataFrame:
    columns = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": pd.to_datetime(source.date, utc=True), **columns})


def market(name: str, seed: int = 1) -> pd.DataFrame:
    return frame_of(candles(seed, LENGTHS.get(name, 1_500)))


def analysed(
    name: str,
    frame: pd.DataFrame,
    mode: str = "spot",
    whitelist: Sequence[str] = (PAIR, OTHER),
    **config: Any,
) -> pd.DataFrame:
    """Return the frame after all three ``populate_*`` of a new strategy."""
    folder = str(door_dir("strategies"))
    sys.path.insert(0, folder)
    try:
        strategy = getattr(importlib.import_module(name), name)
    finally:
        sys.path.remove(folder)
    made = strategy({"timeframe": "1h", "trading_mode": mode, "max_open_trades": 2, **config})
    frames = {OTHER: market(name, 2).iloc[: len(frame)]}
    made.dp = SimpleNamespace(
        current_whitelist=lambda: list(whitelist),
        get_pair_dataframe=lambda pair, timeframe: frames[pair],
    )
    for step in ("indicators", "entry_trend", "exit_trend"):
        frame = getattr(made, f"populate_{step}")(frame.copy(), {"pair": PAIR})
    return frame


@pytest.mark.parametrize("name", SHORTS + LONGS)
def test_it_enters_and_shorts_on_futures_alone(name: str) -> None:
    spot, futures = (analysed(name, market(name), mode) for mode in ("spot", "futures"))
    assert set(NEEDED) <= set(spot)
    assert spot["enter_long"].sum() > 0
    assert spot["enter_short"].sum() == 0
    assert (futures["enter_short"].sum() > 0) == (name in SHORTS)
    assert not ((futures["enter_long"] == 1) & (futures["exit_long"] == 1)).any()
    assert not ((futures["enter_short"] == 1) & (futures["exit_short"] == 1)).any()
    np.testing.assert_array_equal(spot["enter_long"], futures["enter_long"])


@pytest.mark.parametrize("name", SHORTS + LONGS)
def test_what_comes_later_changes_nothing(name: str) -> None:
    whole = market(name)
    cut = len(whole) - 200
    changed = whole.copy()
    prices = ["open", "high", "low", "close", "volume"]
    changed.loc[cut:, prices] = changed.loc[cut:, prices].to_numpy()[::-1] * 1.5
    full, other = analysed(name, whole), analysed(name, changed)
    short = analysed(name, whole.iloc[:cut])
    columns = [c for c in full if full[c].dtype.kind in "fi"]
    for found in (other, short):
        pd.testing.assert_frame_equal(found.loc[: cut - 1, columns], full.loc[: cut - 1, columns])


@pytest.mark.parametrize("name", SHORTS + LONGS)
def test_missing_prices_are_no_entry(name: str) -> None:
    broken = market(name)
    rows = slice(len(broken) - 60, len(broken) - 1)
    broken.loc[rows, ["open", "high", "low", "close", "volume"]] = np.nan
    found = analysed(name, broken, "futures")
    # Rotation chooses at the week's close: a pair that is not known then is in no choice.
    late = found.iloc[-60:]
    assert late["enter_short"].sum() == 0
    assert name == "MomentumRotation" or late["enter_long"].sum() == 0


def test_rotation_ranks_the_universe_where_the_whitelist_is_one_pair() -> None:
    from freqpilot.host.loop.lookahead import universe

    config = {"exchange": {"pair_whitelist": [PAIR, OTHER]}}
    assert universe(config) == [PAIR, OTHER]
    assert universe({**config, "pairs": [PAIR]}) == [PAIR]
    assert universe({"exchange": {"pair_whitelist": [".*/USDT"]}}) == []
    frame = market("MomentumRotation")
    both = analysed("MomentumRotation", frame)["place"]
    assert set(both.dropna()) == {1.0, 2.0}
    settings = {"freqpilot": {"universe": [PAIR, OTHER]}}
    alone = analysed("MomentumRotation", frame, whitelist=[PAIR], **settings)["place"]
    pd.testing.assert_series_equal(alone, both)
    none = analysed("MomentumRotation", frame, whitelist=[PAIR])["place"]
    assert set(none.dropna()) == {1.0}
