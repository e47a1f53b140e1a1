"""The whole path on real candles: nothing SYNTHETIC about it, trades inside the limits."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqpilot.journal.backtest import load_run
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest


@pytest.mark.slow
def test_autopilot_with_its_model_on_real_candles(realdata: Path, tmp_path: Path) -> None:
    options = BacktestOptions(
        datadir=realdata / "candles" / "binance",
        pairs=("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        start=datetime(2024, 2, 1, tzinfo=UTC),
        end=datetime(2024, 3, 1, tzinfo=UTC),
        user_data=tmp_path,
        overlay={"freqai": {"identifier": "realdata"}},
    )
    run = load_run(run_backtest(options))
    assert not run.synthetic
    assert len(run.trades) > 0
    section = run.config["freqpilot"]
    assert section["run"]["supervisor"] is True
    assert (run.trades["stake_amount"] <= 0.15 * run.equity.max() * 1.001).all()
    files = [*tmp_path.glob("models/**/backtesting_predictions/cb_*_prediction.feather")]
    found = pd.concat([pd.read_feather(file) for file in files])
    asked = found[found["do_predict"] == 1]
    assert len(asked) > 0.9 * len(found)
    assert np.allclose(asked["up"] + asked["down"], 1)
    assert (asked["up"] - asked["down"]).abs().quantile(0.9) > 0.01, "the model has no opinion"
