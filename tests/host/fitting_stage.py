"""Candles on disk from which regime models are fitted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from typer.testing import CliRunner

import regime_source
from freqpilot.cli import app
from freqpilot.shapes import Candles

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
LENGTH = 3_000
BEGUN = datetime(2023, 11, 14, 22, tzinfo=UTC)
NOW = BEGUN + timedelta(hours=LENGTH + 48)
HMM = {"signals": {"regimes": {"method": "hmm"}}}


def frame_of(candles: Candles) -> pd.DataFrame:
    columns = {name: getattr(candles, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": pd.to_datetime(candles.date, utc=True), **columns})


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    for seed, pair in enumerate(PAIRS, 1):
        file = folder / f"{pair.replace('/', '_')}-1h.feather"
        frame_of(regime_source.market(seed, LENGTH)).to_feather(file)
    return folder


def command(datadir: Path, user_data: Path, *more: str, code: int = 0) -> str:
    pairs = [word for pair in PAIRS for word in ("--pair", pair)]
    folders = ["--datadir", str(datadir), "--userdir", str(user_data), "--window", "120"]
    with time_machine.travel(NOW, tick=False):
        done = CliRunner().invoke(app, ["regimes", "fit", *folders, *pairs, *more])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def config(user_data: Path, **more: Any) -> dict[str, Any]:
    return {"user_data_dir": user_data, "freqpilot": {**HMM, **more}}
