"""The unmodified Freqtrade in live mode on the stand-in's futures, from the start to the books."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.support.sessions import options_of
from freqpilot.rehearsal.bot.live import rehearse_live
from freqpilot.rehearsal.faults.requests import Fault, FaultPlan

TEN_HOURS = 10 / 24


@pytest.mark.slow
def test_a_session_long_and_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Freqtrade leaves out its logging set-up where it sees pytest.
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    options = options_of(tmp_path, 1, "none", futures=True, days=TEN_HOURS)
    # Killed once its first stop is on the exchange, before the answer reaches it.
    faults = FaultPlan(frozenset({Fault.LOST}), seed=5, kill_at=75, kill_after=True)
    summary = rehearse_live(replace(options, pairs=("BTC/USDT",)), faults=faults)
    assert summary.run.finished
    assert not summary.run.unknown
    assert summary.breaches == ()
    assert summary.kills == 1
    with closing(sqlite3.connect(options.run_dir / "trades.sqlite")) as database:
        query = "select is_short, leverage, is_open, funding_fees, liquidation_price from trades"
        trades = database.execute(query).fetchall()
    assert [short for short, *_ in trades[:2]] == [0, 1]
    assert all(leverage == 2 for _, leverage, *_ in trades)
    assert all(not is_open for _, _, is_open, *_ in trades[:1])
    assert trades[1][3] > 0  # a short receives the funding of 08:00
    assert all(price > 0 for *_, price in trades)
