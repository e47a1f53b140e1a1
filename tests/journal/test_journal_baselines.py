"""What strategies are compared with: random entries and the benchmark's own checks."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqpilot.journal.backtest import load_run
from freqpilot.journal.candles import prices
from freqpilot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def baselines(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.worth import baselines

    return baselines


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.worth import realdata_backtest

    return realdata_backtest


@pytest.fixture
def run(export):
    return load_run(export.write())


@pytest.fixture
def market(baselines, datadir, run):
    return baselines.grid(prices(datadir, run.pairs, run.timeframe, run.timerange))


def test_one_drawn_trade_pays_both_fees(baselines, market):
    drawn = baselines.Drawn(
        np.array([0]), np.array([5]), np.array([20]), np.array([100.0])
    )  # A/USDT 10 → 11
    equity = baselines.account(drawn, market, 1000, 0.001)
    assert equity.iloc[4] == 1000
    assert equity.iloc[5] == pytest.approx(999.9)
    assert equity.iloc[-1] == pytest.approx(1000 + 10 - 0.1 - 0.11)


def test_a_drawn_short_gains_when_the_price_falls(baselines, market):
    drawn = baselines.Drawn(np.array([1]), np.array([30]), np.array([50]), np.array([-200.0]))
    equity = baselines.account(drawn, market, 1000, 0.001)
    assert equity.iloc[-1] == pytest.approx(1000 + 12 - 0.2 - 0.188)


def test_drawn_trades_keep_count_pair_stake_and_length(baselines, run, market):
    for seed in range(30):
        drawn = baselines.draw(run.trades, market, seed)
        assert [market.pairs[i] for i in drawn.pair] == list(run.trades["pair"])
        assert drawn.stake.tolist() == run.trades["stake_amount"].tolist()
        assert (drawn.exit - drawn.entry).tolist() == [15, 20, 5]
        assert drawn.entry.min() >= 0
        assert drawn.exit.max() < len(market.time)


def test_seed_decides(baselines, run, market):
    first, again, other = (baselines.draw(run.trades, market, seed) for seed in (1, 1, 2))
    assert first.entry.tolist() == again.entry.tolist()
    assert first.entry.tolist() != other.entry.tolist()


def test_nothing_is_drawn_before_a_listing(baselines, run):
    index = pd.date_range("2026-01-30", periods=73, freq="h", tz="UTC")
    early = pd.Series(10.0, index=index)
    market = baselines.grid({"A/USDT": early, "B/USDT": early.iloc[40:]})
    for seed in range(30):
        drawn = baselines.draw(run.trades, market, seed)
        assert drawn.entry[1] >= 40
        assert np.isfinite(baselines.account(drawn, market, 1000, 0.001)).all()


def test_at_flat_prices_only_fees_are_lost(baselines, run):
    index = pd.date_range("2026-01-30", periods=73, freq="h", tz="UTC")
    flat = pd.Series(10.0, index=index)
    market = baselines.grid({"A/USDT": flat, "B/USDT": flat})
    results = baselines.random_entries(run.trades, market, 1000, 0.001, range(5))
    lost = 2 * 0.001 * run.trades["stake_amount"].sum() / 1000
    assert [result["return"] for result in results] == pytest.approx([-lost] * 5)
    assert baselines.spread(results)["return"]["p50"] == pytest.approx(-lost)


def test_figures_of_a_run(baselines, run):
    figures = baselines.run_figures(run)
    assert figures["return"] == pytest.approx(0.003176)
    assert figures["trades"] == 3
    assert figures["fees"] == pytest.approx(0.824)
    assert figures["max_drawdown"] == pytest.approx(1 - 997.79 / 1009.79)


def test_parity_holds_for_an_honest_export(benchmark, run):
    checks = benchmark.parity(run)
    assert all(checks.values()), checks


@pytest.mark.parametrize(
    ("column", "change", "check"),
    [
        ("profit_abs", lambda value: value + 1, "profits_follow_from_fills"),
        ("profit_abs", lambda value: value + 1, "profits_sum_to_the_reported"),
        ("fee_open", lambda value: value * 0, "fee_is_charged_on_each_fill"),
        ("close_date", lambda value: value + timedelta(days=9), "trades_lie_in_the_period"),
    ],
)
def test_parity_notices(benchmark, run, column, change, check):
    run.trades[column] = change(run.trades[column])
    assert not benchmark.parity(run)[check]


def test_without_model_its_weight_is_shared_out(benchmark):
    from argparse import Namespace

    changed = benchmark.overlay("without_model", Namespace(strategy_path=None))
    settings = Settings.from_config(changed)
    table = Settings().signals.weights
    assert settings.signals.weights == {**table, "model_forecast": 0.0}


@pytest.fixture
def document(baselines, benchmark, run):
    figures = {name: baselines.run_figures(run) for name in ("autopilot", "without_model")}
    figures["buy_and_hold"] = baselines.held_figures(run.equity, 1000, 0.001, 3)
    figures["random_entries"] = baselines.spread([baselines.figures(run.equity)] * 3)
    return {
        "synthetic": True,
        "parity": True,
        "period": ["2026-01-30", "2026-02-02"],
        "pairs": ["A/USDT"],
        "fee": 0.001,
        "seed": 1,
        "versions": {"freqtrade": "x", "freqpilot": "y"},
        "data_digest": "0",
        "figures": figures,
        "targets": {"sharpe": {"value": float("nan"), "target": 1.5, "ok": False}},
    }


def test_section_replaces_itself_and_nothing_else(benchmark, document, tmp_path):
    from benchmarks.support.page import write_section

    file = tmp_path / "docs" / "results.md"
    write_section(file, benchmark.section(document))
    assert "SYNTHETIC" in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8") + "\n## Another\n", encoding="utf-8")
    before = file.read_text("utf-8")
    write_section(file, benchmark.section(document))
    assert file.read_text("utf-8") == before
    document["synthetic"] = False
    write_section(file, benchmark.section(document))
    changed = file.read_text("utf-8")
    assert "SYNTHETIC" not in changed
    assert changed.count(benchmark.BEGIN) == 1
    assert changed.endswith("\n## Another\n")


def test_json_has_no_nan(benchmark, document):
    from benchmarks.support.result import finite

    text = json.dumps(finite(document), allow_nan=False)
    assert json.loads(text)["targets"]["sharpe"]["value"] is None
