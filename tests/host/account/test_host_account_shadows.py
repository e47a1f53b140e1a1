"""What was not let through as it was asked for is kept, by what became of it, and bounded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.errors import NoEntry
from freqpilot.host.account import shadows, verdict
from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.account.observed import observe
from freqpilot.host.account.upkeep import Upkeep
from freqpilot.host.gate import oversize
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.risk.account.ledger import DRAWDOWN, STREAK
from freqpilot.shapes import OrderRequest

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(**risk: Any) -> Run:
    """Begin a backtest's run whose account of 1,000 was just seen."""
    section = {"freqpilot": {"risk": {"book": {"enabled": False}, **risk}}}
    run = begin({**section, "stake_currency": "USDT"}, live=False)
    observe(run, START, 1_000.0)
    run.part(Interventions).begin("1h")
    return run


@pytest.fixture(autouse=True)
def after() -> Iterator[None]:
    yield
    end()


def order(stake: float = 900.0, **more: Any) -> OrderRequest:
    given: dict[str, Any] = {"pair": "BTC/USDT", "side": "long", "purpose": "entry", "rate": 2.0}
    return OrderRequest(**{**given, "time": START, "stake": stake, "tag": "dip", **more})


def kept(run: Run) -> list[tuple[str, str, float]]:
    return [(each.kind, each.rule, each.allowed) for each in run.store.shadows()]


def test_a_refused_entry_is_kept_with_its_figures() -> None:
    run = made(oversized="refuse")
    verdict.ask(run, order(), [])
    (found,) = run.store.shadows()
    assert (found.kind, found.rule, found.pair, found.purpose) == (
        "refused",
        "max_position",
        "BTC/USDT",
        "entry",
    )
    assert (found.time, found.candle) == (START, START.replace(minute=0))
    assert (found.rate, found.stake, found.allowed, found.tag) == (2.0, 900.0, 0.0, "dip")
    assert "would be 90.0% of equity" in found.reason
    assert not found.was_sent


def test_once_a_candle() -> None:
    run = made(oversized="refuse")
    for seconds in (0, 5, 110):
        verdict.ask(run, order(time=START + timedelta(seconds=seconds)), [])
    assert len(run.store.shadows()) == 1
    observe(run, START + HOUR, 1_000.0)
    verdict.ask(run, order(time=START + HOUR), [])
    assert [each.candle.hour for each in run.store.shadows()] == [12, 13]


def test_what_was_cut_and_sent_is_none() -> None:
    run = made()
    assert oversize.fitted(run, order(), []).stake == pytest.approx(150.0)
    assert kept(run) == []


def test_the_profile_watch_keeps_what_it_would_have_done() -> None:
    run = made(profile="watch")
    assert oversize.fitted(run, order(), []).stake == 900.0
    run.state = replace(run.state, halted="drawdown", cause=DRAWDOWN, halted_at=START)
    assert verdict.ask(run, order(10.0), []).allowed
    assert kept(run) == [("watch", "max_position", 150.0), ("watch", "halted", 0.0)]
    assert all(each.was_sent for each in run.store.shadows())


def test_a_limit_that_is_only_reported() -> None:
    run = made(report_only=["max_position"])
    assert verdict.ask(run, order(160.0), []).allowed
    (found,) = run.store.shadows()
    assert (found.kind, found.rule, found.allowed) == ("reported", "max_position", 150.0)
    assert found.reason == "would be cut; the limit is only reported"


@pytest.mark.parametrize(
    ("cause", "kind"), [(STREAK, "paper"), (DRAWDOWN, "refused"), (None, "refused")]
)
def test_entries_of_a_losing_streak_go_on_on_paper(cause: str | None, kind: str) -> None:
    run = made()
    run.state = replace(run.state, halted="10 losing trades", cause=cause, halted_at=START)
    assert not verdict.ask(run, order(10.0), []).allowed
    assert kept(run) == [(kind, "halted", 0.0)]


def test_an_entry_that_has_to_wait() -> None:
    run = made()
    verdict.count_wait(NoEntry("the books are not compared yet"), order())
    (found,) = run.store.shadows()
    assert (found.kind, found.rule, found.reason) == (
        "refused",
        "wait",
        "the books are not compared yet",
    )


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Run]:
    with VirtualClock(START):
        run = begin(make_bot(tmp_path).config, live=True)
        observe(run, START, 1_000.0)
        run.part(Interventions).begin("1h")
        yield run
        end()
        Trade.session.remove()


def test_live_they_go_to_the_store_at_the_loops_end(live: Run) -> None:
    halted = replace(live.state, halted="drawdown", cause=DRAWDOWN, halted_at=START)
    live.state = halted
    verdict.ask(live, order(10.0), [])
    assert live.store.shadows() == []
    live.part(Upkeep).step(START)
    (found,) = live.store.shadows()
    assert (found.ledger, found.rule) == (live.key, "halted")
    live.part(Upkeep).step(START)
    assert len(live.store.shadows()) == 1


def test_a_store_that_fails_gets_them_later(live: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    live.part(shadows.Shadows).note("refused", "halted", order(), 0.0, "it is", START)
    with monkeypatch.context() as patch:
        patch.setattr(type(live.store), "add_shadows", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            live.part(shadows.Shadows).save()
    live.part(shadows.Shadows).save()
    assert len(live.store.shadows()) == 1


def test_a_day_has_so_many_at_most(live: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadows, "A_DAY", 2)
    part = live.part(shadows.Shadows)
    for number in range(5):
        part.note("refused", "halted", order(pair=f"C{number}/USDT"), 0.0, "", START)
    later = START + timedelta(days=1)
    part.note("refused", "halted", order(time=later), 0.0, "", later)
    part.save()
    assert len(live.store.shadows()) == 3
    assert live.counters.snapshot(START)["counts"]["shadow orders left out"] == 3


def test_old_ones_go_with_the_events(live: Run) -> None:
    old = START - timedelta(days=live.settings.store.keep_days + 1)
    live.part(shadows.Shadows).note("refused", "halted", order(time=old), 0.0, "", old)
    live.part(shadows.Shadows).note("refused", "halted", order(), 0.0, "", START)
    live.part(Upkeep).step(START)
    assert [each.time for each in live.store.shadows()] == [START]
