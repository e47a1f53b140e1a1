"""A live rehearsal beside a backtest of the same candles."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.bot.live import rehearse_live
from freqpilot.rehearsal.compare.comparison import Comparison, check, compare
from freqpilot.rehearsal.compare.deals import Deal, Note
from freqpilot.rehearsal.compare.differences import UNEXPLAINED, Difference, match
from freqpilot.rehearsal.compare.evidence import Evidence
from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.session import RehearsalOptions
from freqpilot.rehearsal.show import print_comparison
from freqpilot.rehearsal.venue.spot import Fill, VenueOrder

BTC, ETH = "BTC/USDT", "ETH/USDT"
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLAT = (100.01, 100.01, 100.01, 100.01)
CANDLES = 24


def tape(changes: dict[int, tuple[float, float, float, float]] | None = None) -> Tape:
    """Two pairs that rest at 100.01, but for the open, high, low, close of some hours."""
    rows = [{**dict.fromkeys(range(CANDLES), FLAT), **(changes or {})}[n] for n in range(CANDLES)]
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"])
    frame.insert(0, "date", pd.date_range(START, periods=CANDLES, freq="1h"))
    frame["volume"] = 100_000.0
    return Tape({BTC: frame, ETH: frame.copy()}, 60, synthetic=False)


def at(hour: float, seconds: float = 1.0) -> datetime:
    return START + timedelta(hours=hour, seconds=seconds)


def order(
    side: str,
    sent: datetime,
    *fills: tuple[datetime, float, float],
    limit: float = 100.0,
    amount: float = 1.5,
    stop: float | None = None,
    resting: bool = False,
) -> VenueOrder:
    """An order for BTC in the ledger; ``fills`` are moment, price and amount."""
    made = VenueOrder(
        number=1,
        client_id="",
        symbol="BTCUSDT",
        side=side,
        kind="LIMIT" if stop is None else "STOP_LOSS_LIMIT",
        amount=Decimal(str(amount)),
        limit=Decimal(str(limit)),
        stop=None if stop is None else Decimal(str(stop)),
        created=int(sent.timestamp() * 1000),
        updated=int(sent.timestamp() * 1000),
        resting=1 if resting else None,
    )
    for moment, price, size in fills:
        time, cost, filled = int(moment.timestamp() * 1000), Decimal(str(price)), Decimal(str(size))
        made.fills.append(Fill(1, 1, time, cost, filled, Decimal(0), "BTC", maker=True))
        made.filled += filled
        made.cost += filled * cost
        made.updated = time
    return made


BOUGHT = order("BUY", at(10), (at(10, 20), 100.0, 1.5))


def evidence(*orders: VenueOrder, market: Tape | None = None, **changes: Any) -> Evidence:
    known = Evidence(
        tape=market or tape(),
        step=HOUR,
        orders=orders,
        notes=(),
        begin=at(0),
        loop_seconds=900,
        slots=2,
        wallet=1_000.0,
        pairs=(BTC, ETH),
    )
    return replace(known, **changes)


def deal(hour: int = 10, pair: str = BTC, **changes: Any) -> Deal:
    return replace(Deal(pair, START + hour * HOUR, 150.0, 1.5, 100.0, 150.0, 98.0), **changes)


def stopped(hour: float, seconds: float = 0.0, **changes: Any) -> Deal:
    left = {"closed": at(hour, seconds), "exit": 98.0, "reason": "stop", "profit": -3.3}
    return deal(**{**left, **changes})


def only(live: Sequence[Deal], backtest: Sequence[Deal], known: Evidence) -> Difference:
    _, differences = match(live, backtest, known)
    assert len(differences) == 1, [str(each) for each in differences]
    return differences[0]


def test_the_same_positions_differ_in_nothing() -> None:
    assert match([deal()], [deal()], evidence()) == (1, ())
    assert match([], [], evidence()) == (0, ())


@pytest.mark.parametrize(
    ("held", "known", "cause"),
    [
        ([], evidence(order("BUY", at(10))), "limit order not filled in the rehearsal"),
        ([], evidence(notes=[Note(BTC, at(10, 0), at(11, 0), "the gate refused it: x")]), "gate"),
        ([], evidence(notes=[Note("*", at(9.5), at(10.5), "locked: drawdown")]), "drawdown"),
        ([deal(8)], evidence(slots=9), "the rehearsal held this pair since 01-01 08:00"),
        ([deal(8, ETH)], evidence(slots=1), "the rehearsal had no free slot: ETH/USDT"),
        ([deal(8, ETH)], evidence(), UNEXPLAINED),
        ([], evidence(notes=[Note(ETH, at(10, 0), at(11, 0), "refused")]), UNEXPLAINED),
        ([], evidence(BOUGHT), UNEXPLAINED),
    ],
)
def test_missing_entry(held: list[Deal], known: Evidence, cause: str) -> None:
    difference = only(held, [*held, deal()], known)
    assert (difference.what, difference.live) == ("missing entry", "none")
    assert difference.backtest == "150.00 at 100"
    assert cause in difference.cause


def test_a_slot_that_only_the_backtest_has_free() -> None:
    """Its ETH leaves inside the candle at whose opening its BTC enters."""
    left = {"closed": at(10, 0), "exit": 98.0, "reason": "stop"}
    theirs = [deal(8, ETH, **left), deal()]
    _, differences = match([deal(8, ETH)], theirs, evidence(slots=1))
    missing = next(each for each in differences if each.what == "missing entry")
    assert missing.cause.endswith("; the backtest had left ETH/USDT within the same candle")


@pytest.mark.parametrize(
    ("theirs", "known", "cause"),
    [
        ([deal(9)], evidence(slots=9), "the backtest held this pair since 01-01 09:00"),
        ([deal(9, ETH)], evidence(slots=1), "the backtest had no free slot: ETH/USDT"),
        ([], evidence(pairs=[ETH]), "the pair list left the pair out of the backtest"),
        ([stopped(9, candle=at(8, 0))], evidence(), UNEXPLAINED),
        ([], evidence(), UNEXPLAINED),
    ],
)
def test_extra_entry(theirs: list[Deal], known: Evidence, cause: str) -> None:
    _, differences = match([deal()], theirs, known)
    extra = next(each for each in differences if each.what == "extra entry")
    assert extra.cause == cause


@pytest.mark.parametrize(
    ("live", "known", "cause"),
    [
        (deal(stake=150.001), evidence(BOUGHT), None),
        (deal(stake=150.01, entry=99.99), evidence(BOUGHT), "half the spread in the rate"),
        (
            deal(stake=100.0),
            evidence(order("BUY", at(10), (at(10, 9), 100.0, 1.0))),
            "the limit order filled in part",
        ),
        (deal(stake=140.0), evidence(BOUGHT), UNEXPLAINED),
    ],
)
def test_stake(live: Deal, known: Evidence, cause: str | None) -> None:
    _, differences = match([live], [deal()], known)
    found = [each.cause for each in differences if each.what == "stake"]
    assert found == ([] if cause is None else [cause])


def test_a_stake_is_rounded_to_the_lot() -> None:
    live, backtest = (deal(entry=60_000.0, stake=stake) for stake in (149.4, 150.0))
    assert only([live], [backtest], evidence()).cause == "rounding to the lot"


def test_stakes_follow_the_equity_of_each_side() -> None:
    lost = stopped(3, candle=START + 2 * HOUR, profit=-100.0)
    even = stopped(3, candle=START + 2 * HOUR, profit=0.0)
    difference = only([lost, deal(stake=135.0)], [even, deal()], evidence())
    assert difference.what == "stake"
    assert difference.cause == "equity differs by -100.00 after earlier fills"


@pytest.mark.parametrize(
    ("sent", "theirs", "market", "cause"),
    [
        (BOUGHT, 100.01, tape(), "half the spread"),
        (
            order("BUY", at(10), (at(10), 100.03, 1.0), (at(10), 100.05, 0.5), limit=100.05),
            100.01,
            tape(),
            UNEXPLAINED,  # it was not sent at the best price
        ),
        (
            order("BUY", at(10), (at(10), 100.03, 1.0), (at(10), 100.05, 0.5), limit=100.03),
            100.01,
            tape(),
            "2 levels of the book",
        ),
        (BOUGHT, 100.5, tape(), UNEXPLAINED),
        (order("BUY", at(10)), 100.5, tape(), UNEXPLAINED),
    ],
)
def test_entry_price(sent: VenueOrder, theirs: float, market: Tape, cause: str) -> None:
    entry = float(sent.cost / sent.filled) if sent.fills else 100.0
    known = evidence(sent, market=market)
    assert only([deal(entry=entry)], [deal(entry=theirs)], known).cause == cause


WILD = (100.01, 150.01, 50.01, 100.01)


def bid(market: Tape, moment: datetime) -> float:
    return quotes.best(market.pairs[BTC], int(moment.timestamp() * 1000))[0]


def test_entry_price_of_a_loop_within_the_candle() -> None:
    market = tape({10: WILD})
    price = bid(market, at(10, 600))
    sent = order("BUY", at(10, 600), (at(10, 610), price, 1.5), limit=price)
    known = evidence(sent, market=market)
    difference = only([deal(entry=price)], [deal(entry=100.01)], known)
    assert difference.cause == "half the spread, and 600 s of the candle"
    often = replace(known, loop_seconds=60, slots=1)
    held = stopped(10, 500, pair=ETH, candle=at(8, 0))
    waited = match([held, deal(entry=price)], [deal(entry=100.01)], often)[1]
    assert difference.cause in {each.cause for each in waited}
    assert only([deal(entry=price)], [deal(entry=100.01)], often).cause == UNEXPLAINED


DIP = {12: (100.01, 100.01, 97.99, 100.01)}
TO_97 = {12: (100.01, 100.01, 97.0, 100.01)}
DIP_AT_ENTRY = {10: (100.01, 100.01, 97.0, 100.01)}


def exits(live: Deal, backtest: Deal, known: Evidence) -> dict[str, str]:
    _, differences = match([live], [backtest], known)
    return {each.what: each.cause for each in differences}


def test_an_exit_order_that_was_not_filled() -> None:
    signal = {"closed": at(12, 0), "exit": 100.0, "reason": "signal"}
    sells = [order("SELL", at(12, 1 + 900 * n)) for n in range(2)]
    found = exits(deal(), deal(**signal), evidence(BOUGHT, *sells))
    assert found == {"exit candle": "exit order not filled in the rehearsal (2 tries)"}
    assert exits(deal(), deal(**signal), evidence(BOUGHT)) == {"exit candle": UNEXPLAINED}


def test_a_stop_that_the_price_met_before_it_was_placed() -> None:
    late = order("SELL", at(11, 0), stop=98.0)
    found = exits(deal(), stopped(10), evidence(BOUGHT, late, market=tape(DIP_AT_ENTRY)))
    assert "the price met the stop at 10:" in found["exit candle"]
    assert "before it was placed at 11:00:00" in found["exit candle"]


def test_an_entry_that_filled_after_the_price_had_met_the_stop() -> None:
    bought = order("BUY", at(10), (at(10, 3_500), 100.0, 1.5))
    late = order("SELL", at(10, 3_550), stop=98.0)
    found = exits(deal(), stopped(10), evidence(bought, late, market=tape(DIP_AT_ENTRY)))
    assert found == {
        "exit candle": "the entry filled at 10:58:20, after the price had met the stop"
    }


def test_a_stop_order_whose_limit_the_price_went_through() -> None:
    stop = order("SELL", at(10, 30), stop=98.0, limit=97.5, resting=True)
    found = exits(deal(), stopped(12), evidence(BOUGHT, stop, market=tape(TO_97)))
    assert found == {"exit candle": "the price went through the limit of the stop order"}


def test_stops_apart_as_the_entries_are_with_the_low_between() -> None:
    stop = order("SELL", at(10, 30), stop=97.98)
    live = deal(stop=97.98, entry=99.99, stake=150.0)
    known = evidence(BOUGHT, stop, market=tape(DIP))
    found = exits(live, stopped(12, stop=98.0), known)
    assert "the stops differ by -0.02 as the entries do; the low lies" in found["exit candle"]
    other = exits(replace(live, stop=97.5), stopped(12, stop=98.0), known)
    assert other["exit candle"] == UNEXPLAINED


def test_a_target_met_between_two_loops() -> None:
    spike = tape({12: (100.01, 110.01, 100.01, 100.01)})
    target = deal(closed=at(12, 0), exit=109.9, reason="roi")
    sent = order("SELL", at(12, 2_701), (at(12, 2_702), 100.02, 1.5), limit=100.02)
    live = deal(closed=at(12, 2_702), exit=100.02, reason="signal")
    hourly = evidence(BOUGHT, sent, market=spike, loop_seconds=3_600)
    assert exits(live, target, hourly)["exit reason"] == "ROI is looked at once a loop"
    often = exits(live, target, replace(hourly, loop_seconds=60))
    assert often["exit reason"] == UNEXPLAINED


@pytest.mark.parametrize(
    ("filled", "live", "theirs", "cause"),
    [
        (97.99, {}, {}, "half the spread, at the stop"),
        (
            97.48,
            {"stop": 97.5, "entry": 99.5},
            {"entry": 100.0},
            "half the spread, and the stops differ by -0.5 as the entries do",
        ),
        (97.0, {}, {}, UNEXPLAINED),
        (97.48, {"stop": 97.5}, {}, UNEXPLAINED),
    ],
)
def test_price_of_a_stop(
    filled: float, live: dict[str, float], theirs: dict[str, float], cause: str
) -> None:
    stop = order("SELL", at(10, 30), (at(12, 900), filled, 1.5), stop=98.0, limit=97.0)
    known = evidence(BOUGHT, stop, market=tape(TO_97))
    ours = stopped(12, 900, exit=filled, **live)
    assert exits(ours, stopped(12, **theirs), known)["exit price"] == cause


@pytest.mark.parametrize(
    ("reason", "tries", "cause"),
    [
        ("signal", 2, "filled at try 2, sent at 12:10:00"),
        ("signal", 1, UNEXPLAINED),
        ("roi", 1, "ROI is looked at once a loop"),
    ],
)
def test_price_of_an_exit_order(reason: str, tries: int, cause: str) -> None:
    market = tape({12: WILD})
    price = bid(market, at(12, 600))
    missed = [order("SELL", at(12)) for _ in range(tries - 1)]
    sent = order("SELL", at(12, 600), (at(12, 601), price, 1.5), limit=price)
    ours = deal(closed=at(12, 601), exit=price, reason=reason)
    theirs = deal(closed=at(12, 0), exit=100.01, reason=reason)
    known = evidence(BOUGHT, *missed, sent, market=market, loop_seconds=60)
    assert exits(ours, theirs, known) == {"exit price": cause}


def test_the_price_of_another_candle_follows_from_it() -> None:
    sells = [order("SELL", at(12)), order("SELL", at(13), (at(13, 9), 100.02, 1.5))]
    ours = deal(closed=at(13, 9), exit=100.02, reason="signal")
    theirs = deal(closed=at(12, 0), exit=100.01, reason="signal")
    found = exits(ours, theirs, evidence(BOUGHT, *sells))
    assert found["exit price"] == "it left in another candle"


def test_nan_stops_explain_nothing() -> None:
    found = exits(deal(stop=math.nan), stopped(12, stop=math.nan), evidence(BOUGHT))
    assert found == {"exit candle": UNEXPLAINED}


def options(folder: Path, config: dict[str, Any], **changes: Any) -> RehearsalOptions:
    folder.mkdir(exist_ok=True)
    file = folder / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    pack = tuple(config_dir() / f"{name}.json" for name in ("base", "autopilot", "freqpilot"))
    plan = RehearsalOptions(userdir=folder, configs=(*pack, file), speed=0, live=True)
    return replace(plan, **changes)


@pytest.mark.parametrize(
    ("config", "changes", "words"),
    [
        ({}, {"faults": "lost"}, "no measure of a backtest"),
        ({"trading_mode": "futures", "margin_mode": "isolated"}, {}, "only spot"),
        ({"freqai": {"enabled": True}}, {}, "train other models"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, config: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefuseToStart, match=words):
        check(options(tmp_path, config, **changes))


def test_a_dry_run_has_no_ledger_to_compare(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="--compare needs --live"):
        CliRunner().invoke(
            app, ["rehearse", "--compare", "--userdir", str(tmp_path)], catch_exceptions=False
        )


def test_the_table_says_what_is_synthetic_and_what_is_unexplained(tmp_path: Path) -> None:
    found = Difference(BTC, START, "stake", "1.00", "2.00", UNEXPLAINED)
    result = Comparison(True, 3, 2, 1, (found,), tmp_path / "backtest.zip")
    console = Console(width=160, record=True)
    print_comparison(result, console)
    shown = console.export_text()
    assert "3 entries live, 2 in the backtest, 1 the same decision" in shown
    assert "1 unexplained" in shown
    assert shown.count("SYNTHETIC") == 2
    assert UNEXPLAINED in str(found)


QUICK = {
    "max_open_trades": 5,
    "entry_pricing": {"price_side": "other"},
    "exit_pricing": {"price_side": "other"},
    "freqpilot": {"signals": {"threshold": 0.3, "min_confidence": 0.4}},
}
"""Orders that cross the spread fill at once, and a slot for each pair: then nothing keeps a
rehearsal from the entries of its backtest. The low threshold makes them enough."""


@pytest.mark.slow
@pytest.mark.proof
def test_three_days_make_the_decisions_of_the_backtest(tmp_path: Path) -> None:
    plan = options(tmp_path / "user", QUICK, seed=3, days=3.0, loop_seconds=3_600)
    summary = rehearse_live(plan)
    assert summary.breaches == ()
    result = compare(summary)
    assert result.synthetic
    assert result.matched == result.live == result.backtest >= 4
    assert [str(each) for each in result.unexplained] == []
    late = {each.cause for each in result.differences if each.what.startswith("exit c")}
    assert all("before it was placed" in cause for cause in late)  # a loop an hour
    assert result.result.is_relative_to(summary.run.run_dir)
