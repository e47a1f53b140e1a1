"""What book risk answers where there is no room, and what it asks for again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import BOOK
from freqpilot.risk.book import positions as book_risk
from freqpilot.risk.book.covariance import Closes
from freqpilot.risk.entries.sizing import Proposal
from freqpilot.shapes import Cut, OrderRequest, Position, RiskVerdict

NOW = datetime(2024, 2, 20, 10, 30, tzinfo=UTC)
PAIRS = ("ADA/USDT", "DOT/USDT", "SOL/USDT")
NOTHING = Closes(np.empty(0, dtype=np.int64), np.empty(0))
ALLOWED = RiskVerdict(allowed=True, stake=100.0, leverage=1.0, cuts=(Cut("sizing", 100.0),))


def candles() -> dict[str, Closes]:
    """Return sixty days of hours of pairs that move together."""
    random = np.random.default_rng(1)
    dates = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) + np.arange(60 * 24) * 3_600
    common = random.standard_normal(len(dates))
    own = {pair: common + 0.2 * random.standard_normal(len(dates)) for pair in PAIRS}
    return {pair: Closes(dates, np.exp(np.cumsum(0.008 * each))) for pair, each in own.items()}


class Source:
    """Gives candles and remembers for which pairs it was asked."""

    def __init__(self) -> None:
        self.known = candles()
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, pairs: Sequence[str], timeframe: str, begin: int) -> Mapping[str, Closes]:
        self.asked.append(tuple(pairs))
        return {pair: self.known[pair] for pair in pairs if pair in self.known}


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def book(source: Source) -> Iterator[BookRisk]:
    """The book of a backtest's run, before the account was observed."""
    begin({"freqpilot": {}, "stake_currency": "USDT"}, live=False)
    made = current().part(BookRisk)
    made.begin(source, "1h")
    yield made
    end()


@pytest.fixture
def observed(book: BookRisk) -> BookRisk:
    observe(current(), NOW, 1_000.0)
    return book


def order(stake: float = 100.0) -> OrderRequest:
    return OrderRequest(
        time=NOW, pair="SOL/USDT", side="long", purpose="entry", stake=stake, rate=1.0
    )


def held(*coins: str) -> list[Position]:
    return [Position(f"{coin}/USDT", "long", 100.0, 100.0) for coin in coins]


def proposed() -> Proposal:
    return Proposal(
        time=NOW,
        pair="SOL/USDT",
        side="long",
        rate=1.0,
        atr=0.02,
        confidence=1.0,
        leverage=1.0,
        min_stake=10.0,
        max_stake=1_000.0,
    )


def room_for(monkeypatch: pytest.MonkeyPatch, stake: float) -> None:
    fit = book_risk.Fit(stake, "book_var", "too much at once")
    monkeypatch.setattr(book_risk, "fit", lambda *_: fit)


def test_a_proposal_without_room_is_refused_with_the_reason(book: BookRisk) -> None:
    verdict = book.fitted(proposed(), ALLOWED, [])
    assert verdict.veto == (
        "the book has no room for a stake above the least possible: the account has not been "
        "observed yet"
    )
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert verdict.cuts == (Cut("sizing", 100.0), Cut("ledger", 0.0))


@pytest.mark.parametrize(("room", "stake"), [(10.0, 10.0), (9.9, None), (40.0, 40.0), (100.0, 100)])
def test_a_stake_is_cut_to_the_room_but_not_below_the_least(
    observed: BookRisk, monkeypatch: pytest.MonkeyPatch, room: float, stake: float | None
) -> None:
    room_for(monkeypatch, room)
    verdict = observed.fitted(proposed(), ALLOWED, [])
    assert (verdict.stake if verdict.allowed else None) == stake
    assert verdict.cuts[1:] == (() if room == 100 else (Cut("book_var", room),))
    counts = current().counters.snapshot(NOW)["counts"]
    assert counts.get("stakes_cut_by_book", 0) == (room < 100)
    if stake is None:
        assert str(verdict.veto).endswith(": too much at once")


def test_the_book_is_asked_once_for_one_order_and_anew_for_another(
    observed: BookRisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    fit = book_risk.fit

    def counted(*question: Any) -> Any:
        asked.append(question[0].stake)
        return fit(*question)

    monkeypatch.setattr(book_risk, "fit", counted)
    for stake in (100.0, 100.0, 90.0, 90.0, 100.0):
        observed.judge(order(stake), held("ADA"))
    observed.judge(order(100.0), held("ADA", "DOT"))
    assert asked == [100.0, 90.0, 100.0, 100.0]


@pytest.mark.parametrize("nothing", [None, NOTHING])
def test_a_pair_without_candles_is_asked_for_again(
    observed: BookRisk, source: Source, nothing: Closes | None
) -> None:
    known = source.known
    source.known = {pair: each for pair, each in known.items() if pair != "SOL/USDT"}
    if nothing is not None:
        source.known["SOL/USDT"] = nothing
    pairs = ("ADA/USDT", "SOL/USDT")
    assert observed.view(pairs, NOW).known == ("ADA/USDT",)
    source.known = known
    assert set(observed.view(pairs, NOW + timedelta(minutes=5)).known) == set(pairs)
    assert source.asked == [pairs, ("SOL/USDT",)]


def test_a_verdict_on_an_order_says_what_would_fit(
    observed: BookRisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room, more in ((30.0, "; a stake of 30.00 would fit"), (0.0, "")):
        room_for(monkeypatch, room)
        verdict = observed.judge(replace(order(), stake=100.0 + room), [])
        assert (verdict.allowed, verdict.veto) == (False, f"too much at once{more}")
        assert verdict.cuts == (Cut("book_var", 0.0),)


@pytest.mark.parametrize(("enabled", "with_source"), [(True, True), (False, True), (True, False)])
def test_the_figures_are_kept_where_there_are_any(
    source: Source, caplog: pytest.LogCaptureFixture, enabled: bool, with_source: bool
) -> None:
    section = {"risk": {"book": {"enabled": enabled}}}
    begin({"freqpilot": section, "stake_currency": "USDT"}, live=False)
    run, book = current(), current().part(BookRisk)
    if with_source:
        book.begin(source, "1h")
    observe(run, NOW, 1_000.0)
    book.keep(NOW, held("ADA"))
    kept = run.store.load_state(f"{run.key}{BOOK}")
    assert (kept is not None) == (enabled and with_source)
    assert bool(source.asked) == (enabled and with_source)
    assert not caplog.records
    end()
