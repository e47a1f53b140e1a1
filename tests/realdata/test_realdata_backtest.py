"""The whole path on real candles: nothing SYNTHETIC about it, trades inside the limits."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from freqpilot.journal.backtest import load_run
from freqpilot.rehearsal.backtest import BacktestOptions, run_backtest


@pytest.mark.slow
def test_autopilot_with_its_model_on_real_candles(realdata: Path, tmp_path: Path) -> None:
    options = BacktestOptions(
        datadir=realdata / "candles" / "binance",
        pairs=("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        start=datetime(2024, 2, 1, tzinfo=UTC),
        end=datetime(2024, 4, 1, tzinfo=UTC),
        user_data=tmp_path,
        overlay={"freqai": {"train_period_days": 60, "identifier": "realdata"}},
    )
    run = load_run(run_backtest(options))
    assert not run.synthetic
    assert len(run.trades) > 0
    section = run.config["freqpilot"]
    assert section["run"]["supervisor"] is True
    assert (run.trades["stake_amount"] <= 0.15 * run.equity.max() * 1.001).all()
    assert run.trades["enter_tag"].str.contains("model").any()
