"""The benchmark against stock FreqAI notices when the two did not do the same work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.speed import freqai, freqai_page
from benchmarks.support.freqai_stage import AHEAD, LABEL, Run, outcomes, planted, prepare

PAIRS = ("BTC/USDT", "ETH/USDT")
START = pd.Timestamp("2024-01-01", tz="UTC")


@pytest.fixture
def market(tmp_path: Path) -> Path:
    planted(tmp_path / "one", PAIRS, START.to_pydatetime(), 24 * 40, 3)
    prepare(tmp_path / "one", tmp_path / "both", PAIRS)
    return tmp_path / "both"


def run(market: Path, quality: float = 1.0, more: int = 0) -> Run:
    """Return a run whose forecasts are the outcomes with noise."""
    found = {}
    for pair in PAIRS:
        truth = outcomes(market, pair)
        for stop in (0, 1):
            part = truth.iloc[240 * stop : 240 * stop + 168 + more]
            noise = np.random.default_rng(stop).standard_normal(len(part)) * part.std()
            told = quality * part.to_numpy() + (1 - quality) * noise
            found[pair, stop] = pd.DataFrame(
                {"date": part.index, LABEL: told, "do_predict": 1}
            ).reset_index(drop=True)
    return Run(10.0, 9.0, 2**30, found, dict.fromkeys(found, 380))


def checks(**runs: Run) -> dict[str, bool]:
    return freqai.same_work(runs, PAIRS, 2)


def test_the_same_work_is_the_same(market: Path) -> None:
    assert all(checks(stock=run(market), pair=run(market, 0.5, more=1)).values())


def shorter(runs: dict[Any, pd.DataFrame]) -> dict[Any, pd.DataFrame]:
    return {cell: frame.head(100) for cell, frame in runs.items()}


def moved(runs: dict[Any, pd.DataFrame]) -> dict[Any, pd.DataFrame]:
    hour = pd.Timedelta("1h")
    return {cell: frame.assign(date=frame["date"] + hour) for cell, frame in runs.items()}


def fewer(runs: dict[Any, pd.DataFrame]) -> dict[Any, pd.DataFrame]:
    return dict(list(runs.items())[1:])


def renamed(runs: dict[Any, pd.DataFrame]) -> dict[Any, pd.DataFrame]:
    return {cell: frame.rename(columns={LABEL: "other"}) for cell, frame in runs.items()}


@pytest.mark.parametrize("change", [shorter, moved, fewer, renamed])
def test_other_work_is_noticed(market: Path, change: Callable[..., Any]) -> None:
    plain = run(market)
    other = replace(plain, predictions=change(plain.predictions))
    assert not all(checks(stock=plain, pair=other).values())
    assert not all(checks(stock=plain, pair=replace(plain, features={})).values())


def test_skill_is_the_rank_correlation_of_each_week(market: Path) -> None:
    assert freqai.skill(run(market), market) == pytest.approx(np.ones(4))
    assert freqai.skill(run(market, -1.0), market).mean() < -0.3
    flat = run(market)
    constant = {cell: frame.assign(**{LABEL: 1.0}) for cell, frame in flat.predictions.items()}
    assert freqai.skill(replace(flat, predictions=constant), market).tolist() == [0.0] * 4
    assert np.isnan(outcomes(market, PAIRS[0]).iloc[-AHEAD:]).all()


def test_what_is_lost_has_an_interval_around_its_mean() -> None:
    one, other = np.linspace(0.1, 0.3, 20), np.linspace(0.12, 0.3, 20)
    gap = freqai.lost(one, other)
    assert gap["low"] < gap["mean"] < gap["high"] < 0
    assert gap["mean"] == pytest.approx(-0.01)
    same = freqai.lost(one, one)
    assert (same["low"], same["high"]) == (0, 0)


def test_the_planted_candles_say_that_they_are_invented(tmp_path: Path) -> None:
    planted(tmp_path, PAIRS, START.to_pydatetime(), 3_000, 3)
    assert (tmp_path / "SYNTHETIC.md").is_file()
    frame = pd.read_feather(tmp_path / "BTC_USDT-1h.feather")
    assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
    truth = outcomes(tmp_path, "BTC/USDT").to_numpy()
    known = np.isfinite(truth)
    found = np.corrcoef(np.log(frame["volume"])[known], truth[known])[0, 1]
    assert 0.3 < found < 0.8, "there is something to learn, and something not"


def test_longer_candles_are_made_of_the_shorter(market: Path) -> None:
    hours = pd.read_feather(market / "BTC_USDT-1h.feather")
    longer = pd.read_feather(market / "BTC_USDT-4h.feather")
    assert longer["close"].iloc[0] == hours["close"].iloc[3]
    assert longer["volume"].iloc[1] == pytest.approx(hours["volume"].iloc[4:8].sum())
    assert longer["date"].iloc[1] == hours["date"].iloc[4]


def test_the_page_tells_figures_targets_and_what_was_missed() -> None:
    names = [variant.name for variant in freqai.VARIANTS]
    found = {
        "figures": {
            **{f"{name}, {column}": 1.5 for name in names for column in freqai_page.COLUMNS},
            **{"imports, MiB": 541, "features": 380, "trees": 100, "OpenMP threads": "1"},
        },
        "targets": {"pair, times stock": {"value": 2.5, "target": 3.0, "ok": False}},
        **{"pairs": list(PAIRS), "windows": 3, "margin": 0.02, "seed": 7, "parity": True},
        "planted": {"pairs": 3, "windows": 2, "days": 28},
        **{"start": "2023-06-01", "data_digest": "abc"},
        "versions": {"freqpilot": "0.1.0", "freqtrade": "2026.9"},
    }
    text = freqai_page.section(found)
    assert text.startswith(freqai_page.BEGIN)
    assert text.rstrip().endswith(freqai_page.END)
    assert "| pair, times stock | 2.5 | 3 | missed |" in text
    assert "SYNTHETIC" in text
