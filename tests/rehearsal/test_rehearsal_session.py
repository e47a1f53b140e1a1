"""The real Freqtrade against the stand-in exchange."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.rehearsal.plan.session import (
    RehearsalOptions,
    RehearsalProgress,
    RehearsalSummary,
    load_plan,
    prepare,
    read_trades,
    rehearse,
)

STRATEGY = """
from freqtrade.strategy import IStrategy


class Always(IStrategy):
    timeframe = "1h"
    minimal_roi = {"0": 0.01, "180": 0.0}
    stoploss = -0.02
    startup_candle_count = 5

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        rose = dataframe["close"] > dataframe["open"]
        dataframe.loc[rose, ["enter_long", "enter_tag"]] = (1, "rose")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["close"] < dataframe["close"].shift(3), "exit_long"] = 1
        return dataframe
"""
PAIRS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
CONFIG: dict[str, Any] = {
    "dry_run": True,
    "dry_run_wallet": 1_000,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "max_open_trades": 3,
    "strategy": "Always",
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    # Keys and a door to the outside that must not survive in a rehearsal.
    "exchange": {"name": "binance", "key": "live", "secret": "live", "pair_whitelist": PAIRS},
    "telegram": {"enabled": True, "token": "1:a", "chat_id": "1"},
    "pairlists": [{"method": "StaticPairList"}],
}


@pytest.fixture
def userdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Freqtrade leaves out its logging set-up where it sees pytest.
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "Always.py").write_text(STRATEGY, encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return tmp_path


@pytest.fixture
def options(userdir: Path) -> RehearsalOptions:
    return RehearsalOptions(
        userdir=userdir,
        configs=(userdir / "config.json",),
        days=0.75,
        speed=0,
        history_days=20,
        seed=4,
    )


def stopped_at(loop: int, options: RehearsalOptions) -> RehearsalSummary:
    """Rehearse, and send this process a SIGTERM at ``loop``."""

    def on_progress(progress: RehearsalProgress) -> None:
        if progress.loops == loop:
            os.kill(os.getpid(), signal.SIGTERM)

    return rehearse(options, on_progress)


@pytest.mark.slow
def test_stopped_and_resumed_trades_as_if_uninterrupted(options: RehearsalOptions) -> None:
    seen: list[RehearsalProgress] = []
    whole = rehearse(replace(options, run_dir=options.userdir / "whole"), seen.append)
    assert whole.finished
    assert whole.synthetic
    assert whole.errors == ()
    assert dict(whole.unknown) == {}
    assert whole.loops == len(seen) + 1 == 18 * 4
    assert whole.virtual_hours == pytest.approx(18)
    assert whole.requests > whole.loops
    assert [p.now for p in seen] == sorted({p.now for p in seen})
    assert len(whole.trades) >= 5
    assert {trade.enter_tag for trade in whole.trades} == {"rose"}
    assert all(trade.profit and trade.exit_reason for trade in whole.trades)
    assert (options.userdir / "whole" / "SYNTHETIC.md").exists()

    part = options.userdir / "part"
    first = stopped_at(40, replace(options, run_dir=part))
    assert not first.finished
    assert first.now < first.end
    saved = json.loads((part / "state.json").read_text(encoding="utf-8"))
    assert datetime.fromisoformat(saved["now"]) == first.now

    second = rehearse(RehearsalOptions(userdir=options.userdir, run_dir=part, resume=True, speed=0))
    assert second.finished
    assert first.loops + second.loops == whole.loops
    assert second.trades == whole.trades
    assert second.open_trades == whole.open_trades
    with sqlite3.connect(part / "trades.sqlite") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        orders = database.execute("select count(*), count(distinct order_id) from orders")
        every, distinct = orders.fetchone()
    database.close()
    assert every == distinct
    with pytest.raises(RefuseToStart, match="reached its end"):
        rehearse(RehearsalOptions(userdir=options.userdir, run_dir=part, resume=True))


@pytest.mark.proof
@pytest.mark.slow
def test_backtest_against_the_server(userdir: Path) -> None:
    """By default each backtest of tests/doors: all are played against it."""
    market = SyntheticMarket(pairs=PAIRS, candles=600, seed=4)
    market.write_candles(userdir / "data")
    tape = Tape.from_folder(userdir / "data", "1h")
    now = datetime.fromtimestamp(tape.end / 1000, UTC)
    with RehearsalServer(tape, FixedClock(now)) as server:
        overlay = exchange_overlay(server.url, PAIRS)
        (userdir / "overlay.json").write_text(json.dumps(overlay), encoding="utf-8")
        command = [sys.executable, "-m", "freqtrade", "backtesting", "--cache", "none"]
        command += ["--userdir", str(userdir), "--datadir", str(userdir / "data")]
        command += ["--config", str(userdir / "config.json")]
        command += ["--config", str(userdir / "overlay.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert server.requests["/api/v3/exchangeInfo"] >= 1
        assert not server.unknown
    assert "Always" in done.stdout
    assert "ERROR" not in done.stderr
    assert list((userdir / "backtest_results").glob("*.zip"))


@pytest.mark.slow
def test_what_cannot_start_says_why(options: RehearsalOptions) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RefuseToStart, match=f"{port}.*another port"):
            rehearse(replace(options, port=port))
    with pytest.raises(RefuseToStart, match=r"did not run.*Nowhere"):
        rehearse(replace(options, strategy="Nowhere"))
    SyntheticMarket(pairs=["BTC/USDT"], candles=200, seed=4).write_candles(options.userdir / "few")
    with pytest.raises(RefuseToStart, match=r"no 1h candles of ETH/USDT, SOL/USDT"):
        rehearse(replace(options, datadir=options.userdir / "few"))
    with pytest.raises(RefuseToStart, match="fewer days"):
        rehearse(replace(options, datadir=options.userdir / "few", pairs=("BTC/USDT",), days=30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": 0}, "days"),
        ({"speed": -1}, "speed"),
        ({"loop_seconds": -5}, "loop_seconds"),
        ({"start": datetime(2026, 1, 1)}, "time zone"),
        ({"userdir": Path("/nowhere")}, "no folder"),
        ({"datadir": Path("/nowhere")}, "no folder"),
        ({"configs": (Path("/nowhere.json"),)}, "no config file"),
        ({"timeframe": "7h"}, "timeframe"),
        ({"resume": True}, "no rehearsal to resume"),
    ],
)
def test_bad_options_are_refused(
    options: RehearsalOptions, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefuseToStart, match=message):
        prepare(replace(options, **change))


def test_plan_survives_the_disk_and_is_not_overwritten(options: RehearsalOptions) -> None:
    asked = replace(options, start=datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=3))
    run_dir = prepare(asked)
    assert run_dir.parent == options.userdir / "rehearsal"
    assert load_plan(run_dir) == replace(asked, run_dir=run_dir)
    with pytest.raises(RefuseToStart, match="resume it"):
        prepare(replace(options, run_dir=run_dir))
    with pytest.raises(RefuseToStart, match="never began"):
        prepare(replace(options, resume=True))
    assert read_trades(run_dir / "trades.sqlite") == ()
