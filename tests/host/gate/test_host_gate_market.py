"""The market checks in front of a live order; each test says how the exchange is."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import DependencyException, TemporaryError
from freqtrade.persistence import Trade

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate import market
from freqpilot.host.gate.judge import WAITS
from freqpilot.host.gate.market import Market
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

CONFIG: dict[str, Any] = {
    "freqpilot": {"risk": {"book": {"enabled": False}}},
    "stake_currency": "USDT",
}
START = datetime(2026, 1, 10, 0, 30, tzinfo=UTC)
STEP = timedelta(minutes=5)


def frame(end: datetime, count: int = 400, price: float = 100.0) -> pd.DataFrame:
    """Return quiet candles, the newest of which closed at ``end``."""
    dates = [end - STEP * (count - i) for i in range(count)]
    quiet = {"open": price, "high": price * 1.001, "low": price * 0.999, "close": price}
    return pd.DataFrame({"date": pd.DatetimeIndex(dates), **quiet, "volume": 1.0})


class Exchange:
    """What the gate asks of Freqtrade's exchange; counts the requests."""

    trading_mode = "spot"

    def __init__(self, *, dry_run: bool = False) -> None:
        self._config = {
            "dry_run": dry_run,
            "timeframe": "5m",
            "candle_type_def": "spot",
            "stake_currency": "USDT",
        }
        self._api = None
        self.markets: dict[str, Any] = {n: {} for n in ("SOL/USDT", "BTC/USDT", "USDC/USDT")}
        self.known = {pair: frame(START) for pair in ("SOL/USDT", "BTC/USDT")}
        self.fresh: dict[str, pd.DataFrame] = {}
        self.book: dict[str, Any] = {"bids": [[99.99, 100.0]], "asks": [[100.01, 100.0]]}
        self.last: dict[str, Any] = {"BTC/USDT": 100.0, "USDC/USDT": 1.0}
        self.fault: Exception | None = None
        self.asked: Counter[str] = Counter()

    def exchange_has(self, name: str) -> bool:
        return name == "fetchL2OrderBook" and bool(self.book)

    def get_contract_size(self, pair: str) -> float:
        return 1.0

    def fetch_l2_order_book(self, pair: str, limit: int) -> Any:
        self.asked["book"] += 1
        if self.fault:
            raise self.fault
        return self.book

    def fetch_ticker(self, pair: str) -> Any:
        self.asked[pair] += 1
        return {"last": self.last[pair]}

    def klines(self, key: Any, copy: bool = True) -> pd.DataFrame:
        return self.known.get(key[0], pd.DataFrame())

    def refresh_latest_ohlcv(self, keys: list[Any]) -> None:
        self.asked["candles"] += 1
        self.known |= {key[0]: self.fresh[key[0]] for key in keys if key[0] in self.fresh}


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture(autouse=True)
def run(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setitem(WAITS, "certain", lambda run, exchange: None)
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(list))
    begun = begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"
    yield begun
    end()


def order(stake: float = 100.0, **more: Any) -> dict[str, Any]:
    given = {"pair": "SOL/USDT", "side": "buy", "amount": stake / 100, "rate": 100.0}
    return {**given, "leverage": 1.0, **more}


def refused(fake: Exchange, words: str, rule: str, **more: Any) -> None:
    before = vetoes().get(rule, 0)
    with pytest.raises(DependencyException, match=words):
        livegate.check_order(fake, order(**more))
    assert vetoes()[rule] == before + 1


def vetoes() -> dict[str, int]:
    return dict(current().counters.snapshot(datetime.now(UTC))["vetoes"])


def kinds() -> list[str]:
    return [event.kind for event in current().store.events()]


def test_an_entry_costs_one_request_and_two_prices_a_minute(clock: VirtualClock) -> None:
    fake = Exchange()
    for _ in range(3):
        livegate.check_order(fake, order())
    assert fake.asked == {"book": 3, "BTC/USDT": 1, "USDC/USDT": 1}
    clock.advance(61)
    observe(current(), datetime.now(UTC), 1_000.0)
    livegate.check_order(fake, order())
    assert fake.asked == {"book": 4, "BTC/USDT": 2, "USDC/USDT": 2}
    assert vetoes() == {}
    assert kinds() == []


def test_the_index_itself_needs_no_price_of_its_own() -> None:
    fake = Exchange()
    livegate.check_order(fake, order(pair="BTC/USDT"))
    assert fake.asked == {"book": 1, "USDC/USDT": 1}


@pytest.mark.parametrize(
    ("mode", "request_"),
    [("spot", order(1e9, side="sell")), ("futures", order(1e9, side="sell", reduceOnly=True))],
)
def test_reducing_orders_never_ask(mode: str, request_: dict[str, Any]) -> None:
    fake = Exchange()
    fake.trading_mode, fake.fault = mode, TemporaryError("503")
    for _ in range(100):
        current().part(Market).note_order()
        livegate.check_order(fake, request_)
    end()
    livegate.check_order(fake, request_)
    assert not fake.asked


def test_what_the_limits_refuse_costs_no_request() -> None:
    fake = Exchange()
    refused(fake, "position", "max_position", stake=200.0)
    assert not fake.asked


@pytest.mark.parametrize(
    ("book", "words", "rule"),
    [
        ({"bids": [[99, 100]], "asks": [[101, 100]]}, "spread", "spread"),
        ({"bids": [[99.99, 9]], "asks": [[100.01, 100]]}, "book to leave by", "depth"),
        ({"bids": [[99.99, 100]], "asks": [[100.01, 9]]}, "book to enter by", "depth"),
        ({"bids": [[89.99, 100]], "asks": [[90.01, 100]]}, "middle", "rate"),
        ({"bids": [[299, 100]], "asks": [[300, 100]]}, "in a candle", "price_jump"),
        ({"bids": [], "asks": [[100.01, 100]]}, "bid is nan", "market_data"),
        ({"bids": [[99.99, None]], "asks": [[100.01, 100]]}, "exit depth is nan", "market_data"),
    ],
)
def test_a_bad_book_refuses(book: dict[str, Any], words: str, rule: str) -> None:
    fake = Exchange()
    fake.book = book
    refused(fake, words, rule)


def test_a_short_leaves_by_the_asks() -> None:
    fake = Exchange()
    fake.trading_mode = "futures"
    fake.book = {"bids": [[99.99, 100]], "asks": [[100.01, 9]]}
    refused(fake, "book to leave by", "depth", side="sell", reduceOnly=False)


def test_the_position_counts_with_its_leverage_and_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Exchange()
    fake.book = {"bids": [[99.99, 14]], "asks": [[100.01, 14]]}
    livegate.check_order(fake, order(100.0))
    held = SimpleNamespace(pair="SOL/USDT", stake=41.0, value=41.0)
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: [held_trade]))
    held_trade = SimpleNamespace(pair="SOL/USDT", nr_of_successful_entries=1)
    monkeypatch.setattr(livegate, "position_of", lambda trade, rates: held)
    refused(fake, "worth 141.00", "depth")


def test_an_exchange_that_does_not_answer_refuses() -> None:
    fake = Exchange()
    fake.fault = TemporaryError("503")
    refused(fake, "could not be seen: 503", "market_data")


def test_a_price_that_is_missing_refuses() -> None:
    fake = Exchange()
    fake.last["BTC/USDT"] = None
    refused(fake, "figure of BTC", "flash_crash")
    fake = Exchange()
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"
    fake.last["USDC/USDT"] = math.nan
    refused(fake, "USDC/USDT is nan", "depeg")


def test_candles_are_asked_for_only_when_they_are_old_or_missing() -> None:
    fake = Exchange()
    fake.known["SOL/USDT"] = frame(START - timedelta(minutes=8))
    refused(fake, "candles are missing", "candle_age")
    fake.fresh["SOL/USDT"] = frame(START)
    livegate.check_order(fake, order())
    assert fake.asked["candles"] == 2
    livegate.check_order(fake, order())
    assert fake.asked["candles"] == 2
    del fake.known["SOL/USDT"], fake.fresh["SOL/USDT"]
    refused(fake, "no 5m candles of SOL/USDT", "market_data")


def test_wild_candles_refuse() -> None:
    fake = Exchange()
    fake.known["SOL/USDT"].loc[390:, "low"] = 90.0
    refused(fake, "ATR", "volatility")


def test_a_flash_crash_holds_for_a_day_and_both_ends_are_kept(clock: VirtualClock) -> None:
    fake = Exchange()
    fake.last["BTC/USDT"] = 92.9
    refused(fake, "flash crash: BTC fell by 7%", "flash_crash")
    fake.last["BTC/USDT"] = 100.0
    for hours, held in ((23.9, True), (0.2, False)):
        clock.advance(hours * 3_600)
        now = datetime.now(UTC)
        observe(current(), now, 1_000.0)
        fake.known = {pair: frame(now) for pair in fake.known}
        if held:
            refused(fake, "flash crash", "flash_crash")
        else:
            livegate.check_order(fake, order())
    assert kinds() == ["flash crash", "flash crash over"]


def test_a_depeg_refuses_and_without_such_a_pair_one_line_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake = Exchange()
    fake.last["USDC/USDT"] = 0.97
    refused(fake, "depeg: USDC/USDT is at 0.9700", "depeg")
    fake.markets["USDC/USDT"] = {"active": False}
    del fake.markets["BTC/USDT"]
    for _ in range(3):
        livegate.check_order(fake, order())
    assert sum("Not watched: a depeg" in line for line in caplog.messages) == 1
    assert sum("Not watched: the fall of the index" in line for line in caplog.messages) == 1
    assert kinds() == ["depeg", "depeg over"]


def test_a_spike_of_the_indexs_volatility_pauses_until_it_is_over() -> None:
    fake = Exchange()
    quiet = fake.known["BTC/USDT"]
    rough = quiet.copy()
    rough["close"] *= 1 + 0.0005 * (-1.0) ** rough.index
    fake.known["BTC/USDT"] = rough
    livegate.check_order(fake, order())
    wild = rough.copy()
    wild.loc[376:, "close"] = 100 * (1 + 0.002 * (-1.0) ** wild.index[376:])
    fake.known["BTC/USDT"] = wild
    refused(fake, "volatility spike: that of BTC is 3.9", "volatility_spike")
    fake.known["BTC/USDT"] = rough
    livegate.check_order(fake, order())
    assert kinds() == ["volatility spike", "volatility spike over"]


def test_without_two_days_of_the_index_its_volatility_is_not_known() -> None:
    fake = Exchange()
    fake.known["BTC/USDT"] = frame(START, 60)
    refused(fake, "volatility of BTC, the index, is not known", "volatility_spike")


def test_orders_count_across_a_restart(tmp_path: Path, clock: VirtualClock) -> None:
    config = {**CONFIG, "dry_run": False, "user_data_dir": str(tmp_path)}
    begin(config, live=True)
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"
    for _ in range(31):
        current().part(Market).note_order()
    begin(config, live=True)
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"
    observe(current(), datetime.now(UTC), 1_000.0)
    refused(Exchange(), "31 were sent", "order_rate")
    clock.advance(601)
    begin(config, live=True)
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"
    assert current().part(Market).orders.tripped(datetime.now(UTC).timestamp()) is None
    current().store.close()


def test_a_count_of_orders_that_cannot_be_kept_stops_no_exit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = begin({**CONFIG, "user_data_dir": str(tmp_path)}, live=True)
    current().parts.pop(Market, None)
    current().part(Market).timeframe = "5m"

    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(run.store, "save_state", full)
    current().part(Market).note_order()
    assert "could not be kept" in caplog.text
    run.store.close()


def test_too_many_orders_pause_entries_without_a_request(clock: VirtualClock) -> None:
    fake = Exchange()
    for _ in range(31):
        current().part(Market).note_order()
    refused(fake, "too many orders", "order_rate")
    assert not fake.asked
    clock.advance(600)
    observe(current(), datetime.now(UTC), 1_000.0)
    fake.known = {pair: frame(datetime.now(UTC)) for pair in fake.known}
    livegate.check_order(fake, order())
    assert kinds() == ["order rate", "order rate over"]


def test_a_new_run_starts_anew() -> None:
    for _ in range(31):
        current().part(Market).note_order()
    begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    livegate.check_order(Exchange(), order())


def test_a_dry_run_asks_where_there_is_a_book() -> None:
    fake = Exchange(dry_run=True)
    fake.book = {"bids": [[99, 100]], "asks": [[101, 100]]}
    refused(fake, "spread", "spread")
    fake.book = {}
    livegate.check_order(fake, order())


def test_it_can_be_switched_off() -> None:
    section = {"risk": {"market": {"enabled": False}, "book": {"enabled": False}}}
    begin({**CONFIG, "freqpilot": section}, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    fake = Exchange()
    livegate.check_order(fake, order())
    assert not fake.asked


def test_a_fault_inside_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(market.market, "check", broken)
    with pytest.raises(DependencyException, match="ZeroDivisionError: a bug"):
        livegate.check_order(Exchange(), order())
