"""Plain Freqtrade backtests with a model of the catalogue by its name alone."""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
NETWORK = {"sequences": {"length": 16, "hidden": 16, "epochs": 4}}


@pytest.mark.parametrize(
    "name", ["FreqpilotRegressor", pytest.param("FreqpilotGRU", marks=pytest.mark.proof)]
)
def test_a_backtest_trains_and_asks_the_model(
    name: str, freqtrade: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    market = tmp_path / "market"
    SyntheticMarket(PAIRS, 60, START, 24 * 75, 7).write_candles(market)
    folder = init(tmp_path / "user_data").folder
    freqai = {"train_period_days": 40, "backtest_period_days": 5, "identifier": "test"}
    # An easy threshold: what is asked is whether the model has a say.
    signals = {"threshold": 0.1, "min_confidence": 0.1, "weights": {"model_forecast": 1.0}}
    with RehearsalServer(Tape.from_folder(market, "1h", PAIRS), FixedClock(START)) as server:
        over = exchange_overlay(server.url, PAIRS)
        over |= {"pairlists": [{"method": "StaticPairList"}], "freqai": freqai}
        over |= {"freqaimodel": name, "freqpilot": {"signals": signals, "models": NETWORK}}
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
    assert done.stderr.count("training on") == 2 * len(PAIRS), done.stderr[-3000:]
    assert "raised exception" not in done.stderr
    saved = [*(tmp_path / "user_data").rglob("*_prediction.feather")]
    assert len(saved) == 2 * len(PAIRS)
    for file in saved:
        refused = int((pd.read_feather(file)["do_predict"] != 1).sum())
        assert refused == 0, "a window's first candles know those before it"
    if name != "FreqpilotGRU":  # which finds nothing in this market, and says so
        assert re.search(r"\bmodel\b", done.stdout), "no entry's tag names the model"
