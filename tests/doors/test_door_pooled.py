"""A plain Freqtrade backtest of Autopilot with one model for all pairs, by its name alone."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqpilot.host.commands.init import init
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

pytestmark = pytest.mark.slow

PAIRS = ("BTC/USDT", "ETH/USDT")
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["FreqpilotPooled"])
def test_a_backtest_trains_once_a_window_and_asks_for_each_pair(
    name: str, freqtrade: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    market = tmp_path / "market"
    SyntheticMarket(PAIRS, 60, START, 24 * 75, 7).write_candles(market)
    folder = init(tmp_path / "user_data").folder
    freqai = {"train_period_days": 40, "backtest_period_days": 5, "identifier": "test"}
    with RehearsalServer(Tape.from_folder(market, "1h", PAIRS), FixedClock(START)) as server:
        over = exchange_overlay(server.url, PAIRS)
        over |= {"pairlists": [{"method": "StaticPairList"}], "freqai": freqai}
        over |= {"freqaimodel": name}
        file = tmp_path / "overlay.json"
        file.write_text(json.dumps(over))
        layers = ("base", "freqai", "autopilot", "freqpilot")
        files = [*(folder / f"{layer}.json" for layer in layers), file]
        begin, end = START + timedelta(days=63), START + timedelta(days=73)
        done = freqtrade(
            "backtesting",
            *(part for f in files for part in ("-c", str(f))),
            *("--userdir", "user_data", "--datadir", str(market), "--fee", "0.001"),
            *("--timerange", f"{begin:%Y%m%d}-{end:%Y%m%d}", "--export", "none"),
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stderr.count("pooled training on") == 2, done.stderr[-3000:]
    assert "raised exception" not in done.stderr
    models = tmp_path / "user_data" / "models"
    told = {file.name: pd.read_feather(file) for file in models.rglob("*_prediction.feather")}
    assert sorted(name.split("_")[1] for name in told) == ["btc", "btc", "eth", "eth"]
    for file, frame in told.items():
        assert (frame["do_predict"] == 1).mean() > 0.9, file
        assert np.isfinite(frame["forecast_mean"]).mean() > 0.9, file
    assert pd.concat(told)["forecast_mean"].nunique() > 10
