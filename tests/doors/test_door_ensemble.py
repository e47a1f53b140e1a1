"""``Ensemble``: its sleeves are the strategies that they name, in one account."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_door_rules import (  # noqa: F401
    Layers,
    Run,
    backtest,
    layers,
    market,
    no_bias,
    no_long_memory,
)
from test_door_rules_frames import analysed
from test_door_rules_frames import market as one_market

from freqpilot.errors import RefuseToStart
from freqpilot.settings import SLEEVE_PARAMETERS, Settings

DEFAULT = Settings().ensemble
CONFIG = {"runmode": "backtest", "stake_currency": "USDT"}


def section(*sleeves: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"freqpilot": {"ensemble": {"sleeves": list(sleeves), **fields}}}


def alone(strategy: str, **fields: Any) -> dict[str, Any]:
    one = {"name": "one", "strategy": strategy, "budget": 1.0, **fields}
    return section(one, max_drawdown=1.0)


@pytest.mark.parametrize("strategy", SLEEVE_PARAMETERS)
def test_a_sleeve_has_the_parameters_of_its_strategy(strategy: str) -> None:
    import importlib
    import sys

    from freqpilot.host.boot.doors import door_dir

    sys.path.insert(0, str(door_dir("strategies")))
    try:
        found = getattr(importlib.import_module(strategy), strategy)
    finally:
        sys.path.pop(0)
    for name, value in SLEEVE_PARAMETERS[strategy].items():
        assert getattr(found, name).value == value, name


@pytest.mark.parametrize("strategy", ["TrendFollowing", "MomentumRotation", "Rebalancer"])
def test_a_sleeve_alone_follows_its_strategys_target(strategy: str) -> None:
    frame = one_market(strategy)
    own = analysed(strategy, frame, "futures")
    found = analysed("Ensemble", frame, "futures", **alone(strategy))
    # Between the moments at which it may act the strategy's own target is not traded on.
    due = own["due"].astype(bool)
    np.testing.assert_allclose(found["want_one"][due], own["target"][due], atol=1e-12)
    for name in ("enter_long", "enter_short"):
        np.testing.assert_array_equal(found[name], own[name], err_msg=name)
    assert own["enter_long"].sum() > 0


@pytest.mark.parametrize("strategy", ["MeanReversion", "Breakout"])
def test_a_sleeve_alone_enters_where_its_strategy_would(strategy: str) -> None:
    frame = one_market(strategy)
    own = analysed(strategy, frame, "futures")
    found = analysed("Ensemble", frame, "futures", **alone(strategy))
    for name in ("enter_long", "enter_short"):
        extra = (found[name] == 1) & (own[name] == 0)
        assert not extra.any(), "an entry that the strategy has not"
        assert found[name].sum() > 0
    # All others are signals inside a virtual position that is open.
    missed = (own["enter_long"] == 1) & (found["enter_long"] == 0)
    assert (found["want_one"][missed] == 1).all()


def test_what_comes_later_changes_nothing() -> None:
    whole = one_market("TrendFollowing")
    cut = len(whole) - 200
    changed = whole.copy()
    prices = ["open", "high", "low", "close", "volume"]
    changed.loc[cut:, prices] = changed.loc[cut:, prices].to_numpy()[::-1] * 1.5
    full = analysed("Ensemble", whole)
    columns = [c for c in full if full[c].dtype.kind in "fi"]
    for other in (changed, whole.iloc[:cut]):
        found = analysed("Ensemble", other)
        pd.testing.assert_frame_equal(found.loc[: cut - 1, columns], full.loc[: cut - 1, columns])


def test_tags_name_the_sleeves_that_want_the_side() -> None:
    found = analysed("Ensemble", one_market("TrendFollowing"), "futures")
    names = {sleeve.name for sleeve in DEFAULT.sleeves}
    for side, column in ((1, "enter_long"), (-1, "enter_short")):
        rows = found[found[column] == 1]
        assert len(rows)
        for _, row in rows.iterrows():
            tagged = set(row["enter_tag"].split("+"))
            assert tagged == {n for n in names if np.sign(row[f"want_{n}"]) == side}
    longest = {"name": "a" * 24, "strategy": "Rebalancer", "budget": 0.125}
    many = [{**longest, "name": f"{'a' * 23}{letter}"} for letter in "abcdefgh"]
    found = analysed("Ensemble", one_market("Rebalancer"), **section(*many))
    assert found["enter_tag"].str.len().max() == 8 * 24 + 7 <= 255


def test_a_small_sleeve_is_not_below_the_band() -> None:
    import importlib
    import sys

    from freqpilot.host.boot.doors import door_dir

    sys.path.insert(0, str(door_dir("strategies")))
    try:
        ensemble = importlib.import_module("Ensemble").Ensemble
    finally:
        sys.path.pop(0)
    small = {"name": "b", "strategy": "Breakout", "budget": 0.04}
    large = {"name": "a", "strategy": "TrendFollowing", "budget": 0.9}
    assert ensemble({"timeframe": "1h", **section(large, small)}).band() == pytest.approx(0.02)
    assert ensemble({"timeframe": "1h"}).band() == pytest.approx(0.1)


ONE = {"name": "one", "strategy": "Breakout", "budget": 0.5}


@pytest.mark.parametrize(
    ("sleeves", "said"),
    [
        ([{**ONE, "parameters": {"squeze": 0.2}}], "did you mean 'squeeze'"),
        ([{**ONE, "parameters": {"squeeze": math.nan}}], "must be a number"),
        ([{**ONE, "budgt": 0.5}], "freqpilot.ensemble.sleeves.0.budgt is not known; did you mean"),
        ([{**ONE, "strategy": "Breakouts"}], "'Breakouts' is not known"),
        ([ONE, {**ONE, "name": "two"}, {**ONE, "name": "three"}], "sum to 1.5"),
        ([ONE, ONE], "a name of its own"),
        ([{**ONE, "strategy": "TrendFollowing", "timeframe": "4h"}], "a timeframe of its own"),
        ([{**ONE, "timeframe": "3h"}], "is none of 2h, 4h"),
        ([{**ONE, "name": "One Two"}], "sleeves.0.name"),
        ([{**ONE, "budget": 0.0}], "sleeves.0.budget"),
        ([{**ONE, "strategy": "MomentumRotation", "parameters": {"top": 2.5}}], "whole number"),
        ([], "sleeves"),
    ],
)
def test_a_table_of_settings_that_do_not_fit(sleeves: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(RefuseToStart, match=said):
        Settings.from_config(section(*sleeves))


def exported(folder: Path) -> dict[str, Any]:
    latest = max((folder / "user_data" / "backtest_results").glob("*.zip"))
    with zipfile.ZipFile(latest) as archive:
        config = json.loads(archive.read(f"{latest.stem}_config.json"))
    return dict(config["freqpilot"]["run"])


MONTH = "20260220-20260401"
QUICK = [
    {"name": "trend", "strategy": "TrendFollowing", "budget": 0.4},
    {"name": "dips", "strategy": "MeanReversion", "budget": 0.3},
    {"name": "breaks", "strategy": "Breakout", "budget": 0.3, "max_drawdown": 0.02},
]


@pytest.mark.slow
def test_the_sleeves_of_a_backtest_are_its_trades_to_the_cent(
    freqtrade: Run,
    layers: Layers,  # noqa: F811
    tmp_path: Path,
) -> None:
    over = {"ensemble": {"sleeves": QUICK}, "supervisor": False}
    found = backtest(freqtrade, layers("Ensemble", freqpilot=over), tmp_path)
    told = exported(tmp_path)["sleeves"]
    assert len(found["trades"]) > 20
    assert set(told) == {"trend", "dips", "breaks"}, "nothing is the rest's"
    earned = sum(each["pnl"] for each in told.values())
    assert earned == pytest.approx(sum(t["profit_abs"] for t in found["trades"]), abs=0.01)
    assert all(each["fees"] > 0 for each in told.values())
    assert told["breaks"]["switched_off"] >= 1
    assert told["trend"]["switched_off"] == 0
    for trade in found["trades"]:
        assert set(trade["enter_tag"].split("+")) <= {"trend", "dips", "breaks"}
    bought = [t for t in found["trades"] if len(t["orders"]) > 2]
    assert bought, "no position was ever adjusted"


@pytest.mark.slow
def test_a_sleeve_alone_trades_as_its_strategy(
    freqtrade: Run,
    layers: Layers,  # noqa: F811
    tmp_path: Path,
) -> None:
    off = {"supervisor": False}
    over = {**alone("TrendFollowing")["freqpilot"], **off}
    keys = ("pair", "open_timestamp", "close_timestamp", "stake_amount", "profit_abs")
    runs = [
        backtest(freqtrade, layers(name, MONTH, freqpilot=given), tmp_path)["trades"]
        for name, given in (("TrendFollowing", off), ("Ensemble", over))
    ]
    own, found = ([{key: t[key] for key in keys} for t in trades] for trades in runs)
    assert own
    assert found == own


@pytest.mark.slow
def test_supervised_it_stays_inside_the_limits(
    freqtrade: Run,
    layers: Layers,  # noqa: F811
    tmp_path: Path,
) -> None:
    found = backtest(freqtrade, layers("Ensemble", MONTH), tmp_path)
    assert found["trades"]
    for trade in found["trades"]:
        held = 0.0
        for order in trade["orders"]:
            held += order["amount"] if order["ft_is_entry"] else -order["amount"]
            # The tier's 8 %, of an account that has grown by a half at most.
            assert held * order["safe_price"] <= 0.08 * 15_000 or not order["ft_is_entry"]
    earned = sum(each["pnl"] for each in exported(tmp_path)["sleeves"].values())
    assert earned == pytest.approx(sum(t["profit_abs"] for t in found["trades"]), abs=0.01)


@pytest.mark.slow
@pytest.mark.proof
def test_lookahead_analysis_finds_no_bias(
    freqtrade: Run,
    layers: Layers,  # noqa: F811
    tmp_path: Path,
) -> None:
    no_bias(
        freqtrade, layers("Ensemble", MONTH, freqpilot={"ensemble": {"sleeves": QUICK}}), tmp_path
    )


@pytest.mark.slow
@pytest.mark.proof
def test_recursive_analysis_stays_under_a_tenth_of_a_percent(
    freqtrade: Run,
    layers: Layers,  # noqa: F811
) -> None:
    no_long_memory(freqtrade, layers("Ensemble", MONTH))
