"""The real ``freqtrade trade`` in live mode against the stand-in exchange."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from freqtrade_client import FtRestClient

from benchmarks.safety import kills
from benchmarks.support.sessions import PAIRS, options_of, struck
from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.faults.requests import Call, Fault, FaultPlan
from freqpilot.rehearsal.plan.config import API_PASSWORD, API_USER

pytestmark = pytest.mark.slow

SEED = 2
"""Of the session of chaos that is played by default."""
MORE_SEEDS = 8
HALF_DAY = 0.5


def play(folder: Path, seed: int, faults: str, *, plain: bool = False) -> LiveSummary:
    return rehearse_live(options_of(folder, seed, faults, plain=plain, days=HALF_DAY))


def test_without_faults_both_books_are_the_same(tmp_path: Path) -> None:
    summary = play(tmp_path, 1, "none")
    assert summary.breaches == ()
    assert summary.differences == ()
    assert summary.strikes == ()
    assert summary.run.finished
    assert summary.run.unknown == {}
    assert len(summary.run.trades) >= 2
    assert summary.fills >= 4


@pytest.mark.parametrize(
    "seed",
    [
        SEED,
        *(pytest.param(n, marks=pytest.mark.proof) for n in range(1, MORE_SEEDS + 1) if n != SEED),
    ],
)
def test_faults_double_no_order_and_leave_no_position_without_a_stop(
    tmp_path: Path, seed: int
) -> None:
    """``make chaos SEEDS=1 FIRST_SEED=…`` replays a whole day of one that fails."""
    summary = play(tmp_path, seed, "all")
    assert summary.kills or seed != SEED
    plan = json.loads((summary.run.run_dir / "plan.json").read_text())
    # A failure can be replayed by what its folder holds.
    assert (plan["faults"], plan["live"], plan["seed"]) == ("all", True, seed)
    assert [str(breach) for breach in summary.breaches] == []
    assert summary.strikes
    assert summary.orders


@pytest.mark.proof
@pytest.mark.parametrize("seed", [SEED, 5])
def test_a_seed_replays_exactly(tmp_path: Path, seed: int) -> None:
    """Each run of ``make chaos`` replays its first seed too."""
    once = play(tmp_path / "once", seed, "all")
    again = play(tmp_path / "again", seed, "all")
    assert struck(once.strikes) == struck(again.strikes)
    assert (once.orders, once.fills, once.balances) == (again.orders, again.fills, again.balances)
    assert once.run.trades == again.run.trades


@pytest.mark.proof
def test_plain_freqtrade_buys_twice_when_an_answer_is_lost(tmp_path: Path) -> None:
    """By default test_rehearsal_books.py: a double order is seen."""
    summary = play(tmp_path, 1, "lost", plain=True)
    doubled = [b.text for b in summary.breaches if b.rule == "double order"]
    assert any("BUY" in text for text in doubled)


def test_the_same_lost_answers_double_nothing_with_the_adapter(tmp_path: Path) -> None:
    summary = play(tmp_path, 1, "lost")
    assert any(strike.call.order == "LIMIT" for strike in summary.strikes)
    assert summary.breaches == ()


@pytest.fixture(scope="module")
def whole_life(tmp_path_factory: pytest.TempPathFactory) -> tuple[kills.End, list[Call]]:
    """Return the end and the requests of the life that nobody kills."""
    end, faults = kills.play(tmp_path_factory.mktemp("life") / "whole")
    assert end.trades[0][1], "the life has to close its position"
    assert any(call.is_stop for call in faults.calls), "the life has to place its stop"
    return end, faults.calls


@pytest.mark.proof
@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("part", [0, 2, 4])
def test_killed_at_any_request_the_end_is_the_same(
    tmp_path: Path, whole_life: tuple[kills.End, list[Call]], part: int
) -> None:
    """Of every second request; ``make kills`` takes all, and ``make test`` the next test's one."""
    end, calls = whole_life
    cases = kills.cases_of(calls)[part::6]
    wrong = [
        f"{what}: {difference}"
        for what, killed in kills.kills(tmp_path, cases, workers=1)
        if (difference := killed.difference(end))
    ]
    assert len(cases) >= 5
    assert wrong == []


def test_a_killed_bot_finds_the_entry_that_it_never_heard_of(tmp_path: Path) -> None:
    """The order is accepted, the bot dies before the answer: the position is adopted."""
    _, faults = kills.play(tmp_path / "whole")
    entry = next(n for n, call in enumerate(faults.calls, 1) if call.order == "LIMIT")
    options = kills.life(tmp_path / "killed")
    plan = FaultPlan(kill_at=entry, kill_after=True)
    summary = rehearse_live(options, faults=plan)
    assert summary.kills == 1
    assert [strike.fault for strike in summary.strikes] == [Fault.KILL]
    assert any("entry order" in text and "has it now" in text for text in summary.differences)
    assert summary.breaches == ()


def test_a_live_rehearsal_is_not_resumed(tmp_path: Path) -> None:
    options = replace(options_of(tmp_path, 1, "none"), resume=True)
    with pytest.raises(RefuseToStart, match="same seed"):
        rehearse_live(options)


def test_unknown_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="no fault thunder; choose from lost"):
        rehearse_live(options_of(tmp_path, 1, "thunder"))


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true value of ``condition``, asked until then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not true within {seconds:.0f} s")


def test_freqtrade_client_drives_the_live_bot(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = replace(options_of(tmp_path, 1, "none", days=5), speed=3_600, api_port=port)
    ended: list[LiveSummary] = []
    session = threading.Thread(target=lambda: ended.append(rehearse_live(options)))
    before = {child.pid for child in active_children()}
    session.start()
    client = FtRestClient(f"http://127.0.0.1:{port}", API_USER, API_PASSWORD)
    try:
        until(lambda: (client.ping() or {}).get("status") == "pong")
        assert client.whitelist()["whitelist"] == list(PAIRS)
        trade = until(lambda: [t for t in client.status() if t["amount"] > 0 and t["is_open"]])[0]
        assert "no more entries" in client.stopbuy()["status"]
        assert "Created exit order" in client.forceexit(trade["trade_id"], "market")["result"]
        until(lambda: trade["trade_id"] not in {t["trade_id"] for t in client.status()})
        assert client.locks()["lock_count"] >= 1
        closed = {t["trade_id"]: t for t in client.trades()["trades"]}
        assert closed[trade["trade_id"]]["exit_reason"] == "force_exit"
    finally:
        for child in active_children():
            if child.pid not in before and child.pid is not None:
                os.kill(child.pid, signal.SIGTERM)
        session.join(60)
    assert not session.is_alive()
    assert ended[0].breaches == ()
    assert not ended[0].run.finished
