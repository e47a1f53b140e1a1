"""Book risk between Freqtrade and the risk room: the same candles live and in the backtest, none
of the future, asked for once a day, and no entry where there are none."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from book_stage import (
    CONFIG,
    NOW,
    PAIRS,
    START,
    Source,
    begin,
    candles,
    changed,
    held,
    order,
    same,
)
from freqtrade.persistence import LocalTrade
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.console import Console

from freqpilot.control.book import print_book
from freqpilot.host.account import begin as begin_module
from freqpilot.host.account.observed import closed, observe
from freqpilot.host.account.verdict import account_book
from freqpilot.host.gate import backtest as backtestgate
from freqpilot.host.gate import bookrisk
from freqpilot.host.gate.bookrisk import VIEWS, BookRisk
from freqpilot.host.run import run as run_module
from freqpilot.host.run.current import current, end
from freqpilot.host.trading import proposals
from freqpilot.risk.book.covariance import Closes
from freqpilot.risk.book.positions import Fit
from freqpilot.shapes import OrderRequest


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    end()


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 20 * 24 * 4), st.floats(0.1, 10))
def test_candles_after_a_time_change_nothing_at_it(quarters: int, factor: float) -> None:
    time = START + timedelta(days=35) + quarters * timedelta(minutes=15)
    known = candles()
    views = []
    for source in (Source(known), Source(changed(known, time, factor))):
        begin(source)
        views.append(current().part(BookRisk).view(PAIRS, time))
    assert same(*views)


def test_candles_before_a_time_do_change_it(tmp_path: Path) -> None:
    known = candles()
    begin(Source(known))
    first = current().part(BookRisk).view(PAIRS, NOW)
    begin(Source(changed(known, NOW - timedelta(days=1), 1.5)))
    assert not same(first, current().part(BookRisk).view(PAIRS, NOW))


def test_candles_are_asked_for_once_a_day_and_pair() -> None:
    source = Source(candles())
    begin(source)
    for _ in range(3):
        assert current().part(BookRisk).judge(order(), held("ADA")).allowed
    assert current().part(BookRisk).judge(order("XRP/USDT"), held("ADA")).allowed
    assert source.asked == [("ADA/USDT", "SOL/USDT"), ("XRP/USDT",)]
    midnight = NOW.replace(hour=0, minute=30) + timedelta(days=1)
    current().part(BookRisk).view(
        PAIRS[:1], midnight
    )  # the last candle of the day may still be on its way
    assert len(source.asked) == 2
    current().part(BookRisk).view(PAIRS[:1], midnight + timedelta(minutes=30))
    assert len(source.asked) == 3


def test_without_candles_there_is_no_entry() -> None:
    source = Source(candles())
    run = begin(source)
    source.fault = ConnectionError("no route")
    refused = current().part(BookRisk).judge(order(), [])
    assert (refused.allowed, refused.cuts[0].rule) == (False, "book_data")
    assert "no route" in str(refused.veto)
    source.fault = None
    assert current().part(BookRisk).judge(order(), []).allowed  # a fault is not remembered
    source.known["NEW/USDT"] = Closes(np.empty(0, dtype=np.int64), np.empty(0))
    for pair in ("NEW/USDT", "GONE/USDT"):
        assert "no candles" in str(current().part(BookRisk).judge(order(pair), []).veto)
    late = order(time=NOW + timedelta(days=40))
    assert (
        current().part(BookRisk).judge(late, []).cuts[0].rule == "book_data"
    )  # the candles ended ten days ago
    begin_module.begin(CONFIG, live=False)
    assert current() is not run
    observe(current(), NOW, 1_000.0)
    for moment in (NOW, NOW + timedelta(days=40)):  # whatever is kept of the run before
        assert "did not begin" in str(current().part(BookRisk).judge(order(time=moment), []).veto)


def test_a_held_pair_without_candles_counts_as_one_that_moves_with_all() -> None:
    source = Source(candles())
    begin(source, max_correlated=1, cluster_cap=1)
    gone = current().part(BookRisk).judge(order(), held("GONE"))
    assert gone.cuts[0].rule == "max_correlated"
    assert "not known" in str(gone.veto)
    assert source.asked == [("GONE/USDT", "SOL/USDT")]
    current().part(BookRisk).judge(order(), held("GONE"))
    assert source.asked[1] == ("GONE/USDT",)  # it is asked for again


def test_a_day_of_views_has_the_returns_that_one_alone_has() -> None:
    """Columns are kept for a day: a pair's are the same beside whichever others."""
    source = Source(candles())
    begin(source)
    later = NOW + timedelta(days=1)
    for time in (NOW, later):
        several = [
            current().part(BookRisk).view(pairs, time) for pairs in (PAIRS[:2], PAIRS[1:], PAIRS)
        ]
        begin(source)
        assert same(several[-1], current().part(BookRisk).view(PAIRS, time))
        begin(source)
    assert not same(several[-1], current().part(BookRisk).view(PAIRS, NOW))


def test_the_same_question_has_the_same_answer_and_another_one_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin(Source(candles()))
    asked = []

    def fit(order: OrderRequest, *rest: Any) -> Fit:
        asked.append(order.stake)
        return Fit(60.0)

    monkeypatch.setattr(bookrisk.book_risk, "fit", fit)
    assert current().part(BookRisk).judge(order(stake=50.0), held("ADA")).allowed
    assert current().part(BookRisk).judge(order(stake=50.0), held("ADA")).allowed
    assert asked == [50.0]
    assert not current().part(BookRisk).judge(order(stake=70.0), held("ADA")).allowed
    current().part(BookRisk).judge(order(stake=50.0), held("ADA", stake=101.0))
    observe(current(), NOW, 999.0)
    current().part(BookRisk).judge(order(stake=50.0), held("ADA", stake=101.0))
    current().part(BookRisk).judge(
        order(stake=50.0, time=NOW + timedelta(days=1)), held("ADA", stake=101.0)
    )
    assert asked == [50.0, 70.0, 50.0, 50.0, 50.0]


def test_the_account_is_as_it_was_last_observed() -> None:
    """What the ledger says is kept until it says something else."""
    begin(Source({}))
    first = account_book(current(), held("ADA"))
    again = account_book(current(), held("DOT", "ADA"))
    assert first is not None
    assert again is not None
    assert (first.equity, len(first.positions), len(again.positions)) == (1_000.0, 1, 2)
    for number in range(5):
        lost = SimpleNamespace(id=number, close_date_utc=NOW, close_profit_abs=-1.0)
        closed(current(), [lost])
    after = account_book(current())
    assert after is not None
    assert (after.threshold, after.edge.trades) == (0.65, 5)
    observe(current(), NOW, 900.0)
    fallen = account_book(current())
    assert fallen is not None
    assert fallen.equity == 900.0


def test_it_can_be_switched_off() -> None:
    begin(Source({}), enabled=False)
    assert current().part(BookRisk).judge(order(), held("ADA", "DOT", "XRP")).allowed


def test_a_proposal_is_cut_to_what_fits_and_the_gate_takes_it() -> None:
    run = begin(Source(candles(wild=3.0)))
    observe(run, NOW, 1_000.0)
    row = pd.Series({"date": pd.Timestamp(NOW), "atr": 0.02, "confidence": 1.0, "composite": 0.9})
    call = {
        "side": "long",
        "current_rate": 1.0,
        "leverage": 1.0,
        "min_stake": 5.0,
        "max_stake": 1_000.0,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proposals, "open_trades", list)
        alone = proposals.stake(row, "SOL/USDT", NOW, call)
    assert alone == pytest.approx(150)
    positions = held("ADA", stake=150)
    verdict = current().part(BookRisk).judge(order(stake=alone), positions)
    assert not verdict.allowed
    assert "would fit" in str(verdict.veto)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proposals, "open_trades", lambda: [trade("ADA/USDT", 150.0)])
        less = proposals.stake(row, "SOL/USDT", NOW, call)
        assert 5 < less < alone
        assert current().part(BookRisk).judge(order(stake=less), positions).allowed
        patch.setattr(proposals, "open_trades", lambda: [trade("ADA/USDT", 150.0, rate=2.0)])
        run.rates = {"ADA/USDT": 3.0}
        assert proposals.stake(row, "SOL/USDT", NOW, call) < less  # what rose weighs more
        call["min_stake"] = less + 1
        assert proposals.stake(row, "SOL/USDT", NOW, call) == 0


def trade(pair: str, stake: float, *, rate: float = 1.0) -> Any:
    return SimpleNamespace(
        pair=pair,
        is_short=False,
        entry_side="buy",
        leverage=1.0,
        stake_amount=stake,
        stop_loss=None,
        enter_tag=None,
        nr_of_successful_entries=1,
        open_orders=[],
        open_rate=rate,
    )


def test_the_backtests_gate_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(Source(candles()), cluster_cap=1)
    open_trades = [trade(f"{coin}/USDT", 40.0) for coin in ("ADA", "DOT")]
    monkeypatch.setattr(LocalTrade, "bt_trades_open", open_trades)
    asked = {"stake": 40.0, "rate": 1.0, "leverage": 1.0}
    assert backtestgate.allowed("SOL/USDT", NOW, "long", "entry", asked)
    begin(Source(candles()), cluster_cap=1, max_correlated=2)
    assert not backtestgate.allowed("SOL/USDT", NOW, "long", "entry", asked)
    counted = current().counters.snapshot(NOW)["vetoes"]
    assert counted == {"max_correlated": 1}
    assert run is not current()


def test_the_figures_are_kept_once_a_candle_and_shown() -> None:
    source = Source(candles())
    run = begin(source)
    current().part(BookRisk).keep(NOW, held("ADA", "SOL"))
    key = f"{run.key}{run_module.BOOK}"
    saved = run.store.load_state(key)
    assert saved is not None
    assert saved["stamp"] == NOW.isoformat()
    current().part(BookRisk).keep(NOW + timedelta(minutes=5), held("ADA", "SOL"))
    assert run.store.load_state(key) == saved
    current().part(BookRisk).keep(NOW + timedelta(minutes=6), held("ADA"))
    current().part(BookRisk).keep(NOW + timedelta(minutes=31), held("ADA", "SOL"))
    console = Console(width=120, record=True, file=io.StringIO())
    print_book("dry run", saved, console)
    text = console.export_text()
    for words in ("top20 20.0%", "l1 20.0%", "ADA/USDT, SOL/USDT: 20.0%", "monte carlo", "depeg"):
        assert words in text
    current().part(BookRisk).keep(NOW, [])
    empty = run.store.load_state(key)
    assert empty is not None
    print_book("dry run", empty, console)


def test_keeping_the_figures_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(candles())
    begin(source)
    source.fault = ConnectionError("no route")
    current().part(BookRisk).keep(NOW, held("ADA"))
    assert "no route" in caplog.text


def test_no_more_views_are_kept_than_fit() -> None:
    begin(Source(candles()))
    book = current().part(BookRisk)
    first = book.view(PAIRS[:1], NOW)
    assert book.view(PAIRS[:1], NOW) is first
    for number in range(VIEWS):
        book._views[(f"C{number}/USDT",)] = first
    assert book._views.currsize == VIEWS
    assert same(book.view(PAIRS[:1], NOW), first)
