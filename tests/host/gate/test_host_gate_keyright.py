"""No entry with a key that may withdraw, or of which nobody knows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from live_bot import make_bot

from freqpilot.errors import NoEntry
from freqpilot.execution.venues import TABLE
from freqpilot.host.account.begin import begin
from freqpilot.host.gate import judge
from freqpilot.host.gate.keyright import AGAIN, KeyRight, may_withdraw
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
RIGHTS = {venue.ids[0]: venue.key_rights for venue in TABLE}


@pytest.fixture(autouse=True)
def _nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyRight, "withdraws", None)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def run(tmp_path: Path, clock: VirtualClock) -> Iterator[Run]:
    yield begin(make_bot(tmp_path).config, live=True)
    end()


class Answers:
    """An exchange that gives these answers to the question of rights, one after the other."""

    def __init__(self, *answers: Any, name: str = "binance", dry_run: bool = False) -> None:
        self.left = list(answers)
        self._config = {"dry_run": dry_run}
        self.trading_mode = "spot"
        self._api = SimpleNamespace(id=name)
        if rights := RIGHTS.get(name):
            setattr(self._api, rights.call, self.answer)

    def answer(self) -> Any:
        found = self.left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def flag(value: Any) -> dict[str, Any]:
    return {"ipRestrict": True, "enableWithdrawals": value}


def bybit(*wallet: str) -> dict[str, Any]:
    return {"result": {"permissions": {"Spot": ["SpotTrade"], "Wallet": list(wallet)}}}


def okx(perm: str) -> dict[str, Any]:
    return {"data": [{"perm": perm}]}


@pytest.mark.parametrize(
    ("name", "answer", "may"),
    [
        ("binance", flag(True), True),
        ("binance", flag(False), False),
        ("binance", flag("true"), True),
        ("binance", flag("false"), False),
        ("binance", {}, None),
        ("binance", flag(None), None),
        ("binance", [], None),
        ("bybit", bybit("AccountTransfer", "Withdraw"), True),
        ("bybit", bybit("AccountTransfer"), False),
        ("bybit", bybit(), False),
        ("bybit", {"result": {}}, None),
        ("okx", okx("read_only,withdraw,trade"), True),
        ("okx", okx("read_only,trade"), False),
        ("okx", {"data": []}, None),
    ],
)
def test_what_an_exchange_says_of_a_key(name: str, answer: Any, may: bool | None) -> None:
    rights = RIGHTS[name]
    assert rights is not None
    assert callable(getattr(getattr(ccxt, name), rights.call))
    assert may_withdraw(answer, rights) is may


def require(run: Run, exchange: Any) -> str:
    """Return why an entry has to wait, nothing where it need not."""
    try:
        judge.WAITS["key"](run, exchange)
    except NoEntry as reason:
        return str(reason)
    return ""


def test_a_key_that_cannot_withdraw_lets_entries_pass(run: Run) -> None:
    exchange = Answers(flag(False))
    assert "was not asked yet" in require(run, exchange)
    run.part(KeyRight).look(exchange)
    assert require(run, exchange) == ""
    run.part(KeyRight).look(exchange)
    assert exchange.left == [], "it is asked once"


def test_a_key_that_can_opens_nothing_and_a_person_hears_of_it_once(
    run: Run, clock: VirtualClock
) -> None:
    exchange = Answers(flag(True), flag(True), flag(False))
    for _ in range(2):
        run.part(KeyRight).look(exchange)
        assert "may withdraw money" in require(run, exchange)
        clock.advance(AGAIN.total_seconds())
    (event,) = run.store.events("key")
    assert event.level == "CRITICAL"
    assert "open trades are managed as ever" in event.text
    run.part(KeyRight).look(exchange)
    assert require(run, exchange) == ""


def test_without_an_answer_entries_wait_and_it_is_asked_again(run: Run) -> None:
    exchange = Answers(ccxt.RequestTimeout("slow"), {}, flag(False))
    run.part(KeyRight).look(exchange)
    assert "did not say whether the key may withdraw: RequestTimeout" in require(run, exchange)
    assert '"key_cannot_withdraw": true' in require(run, exchange)
    run.part(KeyRight).look(exchange)
    assert "did not say whether the key may withdraw." in require(run, exchange)
    assert [event.level for event in run.store.events("key")] == ["WARNING"] * 2
    run.part(KeyRight).look(exchange)
    assert require(run, exchange) == ""


def test_what_was_known_stays_while_it_is_asked_again(run: Run, clock: VirtualClock) -> None:
    exchange = Answers(flag(False), ccxt.RequestTimeout("slow"), flag(True))
    run.part(KeyRight).look(exchange)
    clock.advance(AGAIN.total_seconds())
    run.part(KeyRight).look(exchange)
    assert require(run, exchange) == ""
    run.part(KeyRight).look(exchange)
    assert "may withdraw money" in require(run, exchange)


def test_where_the_exchange_does_not_tell_a_person_has_the_word(tmp_path: Path) -> None:
    exchange = Answers(name="kraken")
    with VirtualClock(START):
        for word in (False, True):
            settings = {"risk": {"key_cannot_withdraw": word}}
            run = begin({**make_bot(tmp_path).config, "freqpilot": settings}, live=True)
            run.part(KeyRight).look(exchange)
            run.part(KeyRight).look(exchange)
            told = require(run, exchange)
            assert len(run.store.events("key")) == 1, "once, and not where a person has the word"
            end()
            assert ("kraken does not tell" in told) is not word


def test_a_dry_run_has_no_key(run: Run) -> None:
    exchange = Answers(dry_run=True)
    run.part(KeyRight).look(exchange)
    assert require(run, exchange) == ""


def test_a_clock_that_goes_back_delays_no_question(run: Run, clock: VirtualClock) -> None:
    exchange = Answers(flag(False), flag(True))
    run.part(KeyRight).look(exchange)
    clock.advance(-36 * 3_600)
    run.part(KeyRight).look(exchange)
    assert "may withdraw money" in require(run, exchange)
