"""What the limits allow of an order, in which order they are asked, and what a halt closes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.host.account import verdict as verdict_module
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.account.upkeep import Upkeep
from freqpilot.host.account.verdict import claim, note_unsized
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import Cut, OrderRequest, RiskVerdict

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with VirtualClock(START):
        bot = make_bot(tmp_path)
        begun = begin(bot.config, live=True)
        observe(current(), START, 1_000.0)
        yield begun
        end()
        Trade.session.remove()


def order(stake: float = 10.0) -> OrderRequest:
    return OrderRequest(START, "SOL/USDT", "long", "entry", stake, 100.0)


def veto(rule: str) -> RiskVerdict:
    return RiskVerdict(False, 0.0, cuts=(Cut(rule, 0.0),), veto=f"too much {rule}")


def test_what_the_limits_refuse_nobody_else_is_asked_about(run: Run) -> None:
    asked: list[str] = []

    def judge(name: str, verdict: RiskVerdict) -> Any:
        return lambda: (asked.append(name), verdict)[1]

    fine = RiskVerdict(True, 10.0)
    parts = [judge("book", fine), judge("market", veto("spread")), judge("never", fine)]
    assert not verdict_module.ask(run, order(1e6), (), *parts).allowed
    assert asked == []
    assert verdict_module.ask(run, order(), (), *parts).veto == "too much spread"
    assert asked == ["book", "market"]
    assert verdict_module.ask(run, order(), (), judge("book", fine)).allowed


def test_a_veto_is_kept_for_other_processes(run: Run) -> None:
    for rule in ("spread", "spread", "depth"):
        verdict_module.ask(run, order(), (), lambda rule=rule: veto(rule))
    *_, event = run.store.events("veto")
    assert event.data == {"pair": "SOL/USDT", "purpose": "entry", "rule": "depth"}
    run.part(Upkeep).step(START)
    assert run.store.counters() == {"refused: spread": 2, "refused: depth": 1}


def test_a_veto_is_written_down_when_it_changes(run: Run) -> None:
    def refuse(rule: str, after: timedelta = timedelta(0), pair: str = "SOL/USDT") -> int:
        asked = replace(order(), time=START + after, pair=pair)
        verdict_module.ask(run, asked, (), lambda: veto(rule))
        return len(run.store.events("veto"))

    assert [refuse("spread") for _ in range(3)] == [1, 1, 1]
    assert [refuse("depth"), refuse("spread"), refuse("depth")] == [2, 2, 2]
    assert refuse("spread", pair="ETH/USDT") == 3
    verdict_module.ask(run, order(), (), lambda: RiskVerdict(True, 10.0))
    assert [refuse("spread"), refuse("spread")] == [4, 4]
    assert run.counters.snapshot(START)["vetoes"] == {"spread": 7, "depth": 2}


def test_why_there_is_no_stake_is_written_down_when_it_changes(run: Run) -> None:
    for hour, reason in enumerate(["room 1.5", "room 2.5", "no edge", "room 3.5"]):
        time = START + hour * timedelta(hours=1)
        for _ in range(2):
            note_unsized(run, time, "SOL/USDT", time, reason)
    assert [event.text for event in run.store.events("no entry")] == ["room 1.5", "no edge"]
    assert run.counters.snapshot(START)["vetoes"] == {"no stake": 4}


@pytest.mark.parametrize(("beside", "closes"), [(-1e-9, True), (0.0, False), (1e-9, False)])
def test_a_halt_spares_what_is_deep_in_profit(run: Run, beside: float, closes: bool) -> None:
    deep = run.settings.risk.deep_profit
    assert not verdict_module.closes(run, deep - 1), "there is no halt"
    observe(run, START + timedelta(seconds=5), 600.0)
    assert run.state.halted
    assert verdict_module.closes(run, deep + beside) is closes
    assert verdict_module.closes(run, float("nan"))


@pytest.mark.usefixtures("run")
def test_one_entry_a_pair_and_candle() -> None:
    candle = datetime(2026, 1, 1, tzinfo=UTC)
    assert claim(current(), "BTC/USDT", candle)
    assert not claim(current(), "BTC/USDT", candle)
    assert claim(current(), "ETH/USDT", candle)
    assert claim(current(), "BTC/USDT", candle + timedelta(hours=1))


def test_a_refused_stake_is_kept_once_a_pair_and_candle(run: Run) -> None:
    candle = datetime(2026, 1, 1, tzinfo=UTC)
    for minutes in (60, 61):
        moment = candle + timedelta(minutes=minutes)
        note_unsized(run, moment, "BTC/USDT", candle, "too many trades")
    note_unsized(run, moment, "ETH/USDT", candle, "too many trades")
    kept = [(event.data["pair"], event.text) for event in run.store.events("no entry")]
    assert kept == [("BTC/USDT", "too many trades"), ("ETH/USDT", "too many trades")]
