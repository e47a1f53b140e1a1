"""What book risk answers where there is no room, and what it asks for again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from test_host_gate_bookrisk import (
    CONFIG,
    NOW,
    Source,
    begin,
    candles,
    ended,  # noqa: F401  # every run of a test ends with it
    held,
    order,
)

from freqpilot.host.gate.bookrisk import BOOK
from freqpilot.host.run import supervisor
from freqpilot.risk import book as book_risk
from freqpilot.risk.covariance import Closes
from freqpilot.risk.sizing import Proposal
from freqpilot.shapes import Cut, RiskVerdict

NOTHING = Closes(np.empty(0, dtype=np.int64), np.empty(0))


def proposed(min_stake: float = 10.0) -> Proposal:
    return Proposal(
        time=NOW,
        pair="SOL/USDT",
        side="long",
        rate=1.0,
        atr=0.02,
        confidence=1.0,
        leverage=1.0,
        min_stake=min_stake,
        max_stake=1_000.0,
    )


ALLOWED = RiskVerdict(allowed=True, stake=100.0, leverage=1.0, cuts=(Cut("sizing", 100.0),))


def test_a_proposal_without_room_is_refused_with_the_reason() -> None:
    supervisor.begin({**CONFIG, "freqpilot": {}}, live=False)
    BOOK.begin(Source(candles()), "1h")
    verdict = BOOK.fitted(proposed(), ALLOWED, [])
    assert verdict.veto == (
        "the book has no room for a stake above the least possible: the account has not been "
        "observed yet"
    )
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert verdict.cuts == (Cut("sizing", 100.0), Cut("ledger", 0.0))


@pytest.mark.parametrize(("room", "stake"), [(10.0, 10.0), (9.9, None), (40.0, 40.0), (100.0, 100)])
def test_a_stake_is_cut_to_the_room_but_not_below_the_least(
    monkeypatch: pytest.MonkeyPatch, room: float, stake: float | None
) -> None:
    run = begin(Source(candles()))
    fit = book_risk.Fit(room, "book_var", "too much at once")
    monkeypatch.setattr(book_risk, "fit", lambda *_: fit)
    verdict = BOOK.fitted(proposed(), ALLOWED, [])
    assert (verdict.stake if verdict.allowed else None) == stake
    assert verdict.cuts[1:] == (() if room == 100 else (Cut("book_var", room),))
    assert run.counters.snapshot(NOW)["counts"].get("stakes_cut_by_book", 0) == (room < 100)
    if stake is None:
        assert str(verdict.veto).endswith(": too much at once")


def test_the_book_is_asked_once_for_one_order_and_anew_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin(Source(candles()))
    asked: list[Any] = []
    fit = book_risk.fit

    def counted(*question: Any) -> Any:
        asked.append(question[0].stake)
        return fit(*question)

    monkeypatch.setattr(book_risk, "fit", counted)
    for stake in (100.0, 100.0, 90.0, 90.0, 100.0):
        BOOK.judge(order(stake=stake), held("ADA"))
    BOOK.judge(order(stake=100.0), held("ADA", "DOT"))
    assert asked == [100.0, 90.0, 100.0, 100.0]


@pytest.mark.parametrize("nothing", [None, NOTHING])
def test_a_pair_without_candles_is_asked_for_again(nothing: Closes | None) -> None:
    known = candles()
    source = Source({k: v for k, v in known.items() if k != "SOL/USDT"})
    if nothing is not None:
        source.known["SOL/USDT"] = nothing
    begin(source)
    pairs = ("ADA/USDT", "SOL/USDT")
    assert BOOK.view(pairs, NOW).known == ("ADA/USDT",)
    source.known = known
    assert set(BOOK.view(pairs, NOW + timedelta(minutes=5)).known) == set(pairs)
    assert source.asked == [pairs, ("SOL/USDT",)]


def test_a_verdict_on_an_order_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(Source(candles()))
    for room, more in ((30.0, "; a stake of 30.00 would fit"), (0.0, "")):
        fit = book_risk.Fit(room, "book_var", "too much at once")
        monkeypatch.setattr(book_risk, "fit", lambda *_, fit=fit: fit)
        verdict = BOOK.judge(replace(order(), stake=100.0 + room), [])
        assert (verdict.allowed, verdict.veto) == (False, f"too much at once{more}")
        assert verdict.cuts == (Cut("book_var", 0.0),)
