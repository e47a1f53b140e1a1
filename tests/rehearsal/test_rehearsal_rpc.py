"""A person forces orders, stops, starts and reloads by Freqtrade's own client, while the bot runs:
its supervision goes on in each loop."""

import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from freqtrade_client import FtRestClient

from benchmarks.support.sessions import options_of
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.faults.incidents import Incident
from freqpilot.rehearsal.faults.requests import Fault
from freqpilot.rehearsal.plan.config import API_PASSWORD, API_USER
from freqpilot.rehearsal.plan.session import OVERLAY, RehearsalSummary, rehearse

pytestmark = pytest.mark.slow

MINUTE = 60_000
HALF_DAY = 0.5
QUICK = ("enter", "reload badly")
"""Scripts of the default run; the dry run below stops, starts and reloads as well."""


def call(minute: int, name: str, share: float = 0.1, *, races: bool = False) -> Incident:
    """Return a call at a minute of the session; ``share`` below a half is a market order."""
    begin = minute * MINUTE
    return Incident(Fault.RPC_FORCE, begin, pair="BTC/USDT", call=name, races=races, share=share)


SCRIPTS = {
    "one by market": [call(75, "forceexit")],
    "all by market": [call(75, "forceexit all"), call(315, "forceexit all", races=True)],
    "one by limit": [call(75, "forceexit", 0.9), call(315, "forceexit", 0.9, races=True)],
    "enter": [
        call(75, "forceexit all"),
        call(195, "forceenter"),
        call(255, "forceexit all", races=True),
        call(436, "forceenter", races=True),
    ],
    "stop and start": [call(75, "stop"), call(135, "forceexit"), call(315, "stop")],
    "reload": [call(75, "reload"), call(135, "forceexit all"), call(315, "reload")],
    "reload badly": [call(75, "reload badly"), call(315, "reload badly")],
}


def scripted(folder: Path, calls: list[Incident], faults: str = "rpc_force") -> LiveSummary:
    options = options_of(folder, 1, faults, days=HALF_DAY)
    return rehearse_live(
        options,
        script=lambda begin: [replace(each, begin=begin + each.begin) for each in calls],
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.proof) for n in SCRIPTS],
)
def test_a_live_bot_is_supervised_in_each_loop_whatever_is_asked_of_it(
    tmp_path: Path, name: str
) -> None:
    summary = scripted(tmp_path, SCRIPTS[name])
    assert [str(breach) for breach in summary.breaches] == []
    assert len(summary.strikes) == len(SCRIPTS[name])
    assert summary.run.finished
    if "forceexit" in name:
        assert any(trade.exit_reason == "force_exit" for trade in summary.run.trades)


@dataclass(frozen=True)
class DryRun:
    """A dry run that goes on in a process of its own, its REST client and its folder."""

    client: FtRestClient
    folder: Path

    def seen(self) -> tuple[datetime, Any]:
        """Return when the supervisor last saw the account, and why it is blind, if it is."""
        with closing(sqlite3.connect(self.folder / "freqpilot.sqlite", timeout=10)) as store:
            query = "select state from risk_state where key = 'ledger dry run, last seen'"
            row = store.execute(query).fetchone()
        state = json.loads(row[0])
        return datetime.fromisoformat(state["stamp"]), state.get("blind")

    def is_watched_on(self) -> None:
        """Wait until the supervisor has seen the account several times from now on."""
        before, _ = self.seen()
        for _ in range(4):
            last, _ = self.seen()
            until(lambda last=last: self.seen()[0] > last)  # type: ignore[misc]
        assert self.seen()[0] > before
        assert self.seen()[1] is None

    def trade(self) -> int:
        """Return an open trade that is filled, once there is one."""
        found = until(lambda: [t for t in self.client.status() or [] if t["amount"] > 0])
        return int(found[0]["trade_id"])


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true value of ``condition``, asked until then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not true within {seconds:.0f} s")


@contextmanager
def dry_run(folder: Path) -> Iterator[DryRun]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = replace(
        options_of(folder, 1, "none", days=15), speed=3_600, api_port=port, live=False
    )
    ended: list[RehearsalSummary] = []
    session = threading.Thread(target=lambda: ended.append(rehearse(options)))
    before = {child.pid for child in psutil.Process().children()}
    session.start()
    client = FtRestClient(f"http://127.0.0.1:{port}", API_USER, API_PASSWORD)
    assert options.run_dir is not None
    try:
        until(lambda: (client.ping() or {}).get("status") == "pong")
        yield DryRun(client, options.run_dir)
    finally:
        for child in psutil.Process().children():
            if child.pid not in before and "freqpilot.rehearsal.bot.run" in child.cmdline():
                os.kill(child.pid, signal.SIGTERM)
        session.join(60)
    assert not session.is_alive()
    assert not ended[0].finished


def left(client: Any, which: str) -> Callable[[], bool]:
    """Return a call that forces an exit and tells whether Freqtrade took it: right after an entry
    its wallet may not have the coins yet, and it answers with an error that is no JSON."""

    def asked() -> bool:
        try:
            return "result" in (client.forceexit(which, "market") or {})
        except requests.JSONDecodeError:
            return False

    return asked


def test_a_dry_run_is_supervised_in_each_loop_whatever_is_asked_of_it(tmp_path: Path) -> None:
    with dry_run(tmp_path) as bot:
        client = bot.client
        number = bot.trade()
        until(left(client, number))
        bot.is_watched_on()
        until(lambda: number not in {trade["trade_id"] for trade in client.status()})
        bot.trade()
        until(left(client, "all"))
        bot.is_watched_on()
        client.forceenter("BTC/USDT", "long", order_type="market")
        bot.is_watched_on()
        assert "stopping" in client.stop()["status"]
        bot.is_watched_on()
        assert "starting" in client.start()["status"]
        bot.is_watched_on()
        assert "Reloading" in client.reload_config()["status"]
        bot.is_watched_on()
        overlay = bot.folder / OVERLAY
        sound = overlay.read_text(encoding="utf-8")
        spoilt = json.loads(sound)
        spoilt["freqpilot"]["risk"] = {"no_such_limit": 1}
        overlay.write_text(json.dumps(spoilt), encoding="utf-8")
        client.reload_config()
        bot.is_watched_on()
        overlay.write_text(sound, encoding="utf-8")
        bot.trade()
        until(left(client, "all"))
        bot.is_watched_on()
