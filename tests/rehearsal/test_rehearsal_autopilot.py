"""The pack's own strategy and configs in a rehearsal, stopped and restarted in the middle."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.plan.session import RehearsalOptions, RehearsalProgress, rehearse
from freqpilot.store import open_store

OFF = {"enabled": False}


@pytest.mark.slow
@pytest.mark.proof
def test_a_restart_loses_no_trade_doubles_none_and_keeps_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    run_dir = tmp_path / "run"
    # Easy thresholds: the days are few, and there has to be a position to be stopped with.
    easy = tmp_path / "easy.json"
    easy.write_text(
        json.dumps(
            {"freqpilot": {"signals": {"threshold": 0.3, "regimes": OFF, "confluence": OFF}}}
        )
    )
    options = RehearsalOptions(
        userdir=tmp_path,
        configs=(
            *(config_dir() / f"{n}.json" for n in ("base", "autopilot", "freqpilot")),
            easy,
        ),
        days=2.5,
        speed=0,
        seed=7,
        run_dir=run_dir,
    )

    stopped: list[RehearsalProgress] = []

    def stop(progress: RehearsalProgress) -> None:
        if progress.open_trades and progress.loops >= 76 and not stopped:
            stopped.append(progress)
            os.kill(os.getpid(), signal.SIGTERM)

    first = rehearse(options, stop)
    assert not first.finished
    assert first.open_trades, "it must be stopped with an open position"
    store = open_store(f"sqlite:///{run_dir / 'freqpilot.sqlite'}")
    ledger = store.load_state("ledger dry run")
    store.close()
    assert ledger is not None

    second = rehearse(RehearsalOptions(userdir=tmp_path, run_dir=run_dir, resume=True, speed=0))
    assert second.finished
    assert second.errors == ()
    trades = [*second.trades, *second.open_trades]
    held = {(trade.pair, trade.open_date) for trade in trades}
    assert len(held) == len(trades), "a trade was doubled"
    assert {(t.pair, t.open_date) for t in (*first.trades, *first.open_trades)} <= held
    assert all(trade.enter_tag for trade in trades), "each entry carries its reasons"

    store = open_store(f"sqlite:///{run_dir / 'freqpilot.sqlite'}")
    after = store.load_state("ledger dry run")
    assert after is not None
    assert after["start"] == ledger["start"]
    assert after["peak"] >= ledger["peak"]
    with closing(sqlite3.connect(run_dir / "trades.sqlite")) as database:
        ids = [row[0] for row in database.execute("select id from trades where amount > 0")]
    for number in ids:
        decision = store.decision(number)
        assert decision is not None
        assert sum(decision.contributions.values()) == pytest.approx(decision.composite)
    store.close()
