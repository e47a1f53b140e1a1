"""Several bots that share one database of open positions."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import Trade

from freqpilot.errors import NoEntry
from freqpilot.host.account import begin as begin_module
from freqpilot.host.account import others
from freqpilot.host.account.observed import observe
from freqpilot.host.account.verdict import account_book
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate import market
from freqpilot.host.run import ownership
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import LEDGER_KEYS, Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest, Position, RiskVerdict

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualClock]:
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(list))
    # Each bot has a store of its own here, and no trades database.
    monkeypatch.setattr(ownership, "_is_kept", lambda: False)
    allow = lambda _self, _, order, __: RiskVerdict(True, order.stake)  # noqa: E731
    monkeypatch.setattr(market.Market, "judge", allow)
    with VirtualClock(START) as clock:
        yield clock
    end()


def begin(folder: Path, bot: str, venue: str = "binance", **store: Any) -> Run:
    (folder / bot).mkdir(exist_ok=True)
    settings = {"shared": f"sqlite:///{folder / 'shared.sqlite'}", **store}
    config = {
        "freqpilot": {"store": settings, "risk": {"max_exposure": 0.8, "book": {"enabled": False}}},
        "dry_run": True,
        "user_data_dir": str(folder / bot),
        "exchange": {"name": venue},
        "stake_currency": "USDT",
    }
    run = begin_module.begin(config, live=True)
    observe(run, datetime.now(UTC), 1_000.0)
    return run


def held(stake: float, pair: str = "XRP/USDT") -> Position:
    return Position(pair, "long", stake, stake)


def enter(stake: float = 100.0, pair: str = "LTC/USDT") -> None:
    order = {"pair": pair, "side": "buy", "amount": stake, "rate": 1.0, "leverage": 1.0}
    config = {"dry_run": True, "stake_currency": "USDT"}
    livegate.check_order(SimpleNamespace(trading_mode="spot", _config=config), order)


def asked(pair: str, stake: float) -> OrderRequest:
    return OrderRequest(datetime.now(UTC), pair, "long", "entry", stake, 1.0)


@pytest.mark.parametrize(
    ("venue", "pair", "stake", "words"),
    [
        ("binance", "OP/USDT", 400.0, None),
        ("binance", "OP/USDT", 401.0, "exposure on binance would be 50.1%"),
        ("kraken", "OP/USDT", 401.0, None),
        ("kraken", "OP/USDT", 701.0, "exposure would be 80.1%"),
        ("kraken", "XRP/USDT", 300.0, None),
        ("kraken", "XRP/USDT", 301.0, "class top20"),
    ],
)
def test_others_count_for_exchange_class_and_total(
    tmp_path: Path, venue: str, pair: str, stake: float, words: str | None
) -> None:
    begin(tmp_path, "other", venue)
    others.step(current(), "USDT", [held(stake, pair)])
    begin(tmp_path, "own")
    others.step(current(), "USDT", [])
    if words is None:
        enter()
        return
    with pytest.raises(DependencyException, match=words):
        enter()


def test_others_take_no_slot_and_no_cap_of_a_pair(tmp_path: Path) -> None:
    begin(tmp_path, "other", "kraken")
    others.step(current(), "USDT", [held(60.0, f"{coin}/USDT") for coin in ("LTC", "XRP", "SOL")])
    begin(tmp_path, "own")
    enter(140.0)


@pytest.mark.parametrize(("hours", "counts"), [(23.9, True), (24.1, False)])
def test_a_silent_bot_counts_for_a_day(
    tmp_path: Path, clock: VirtualClock, hours: float, counts: bool
) -> None:
    begin(tmp_path, "other")
    others.step(current(), "USDT", [held(450.0)])
    clock.advance(hours * 3_600)
    begin(tmp_path, "own")
    others.step(current(), "USDT", [])
    assert bool(current().others) is counts


def test_of_two_bots_that_enter_at_once_each_sees_the_other(tmp_path: Path) -> None:
    begin(tmp_path, "other")
    others.announce(current(), "USDT", [], asked("BTC/USDT", 450.0))
    begin(tmp_path, "own")
    with pytest.raises(DependencyException, match="exposure on binance"):
        enter()


def test_what_cannot_be_read_or_summed_up_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path, "other")
    others.step(current(), "EUR", [held(10.0)])
    run = begin(tmp_path, "own")
    with pytest.raises(NoEntry, match="could not be read"):
        account_book(current())
    others.step(run, "USDT", [])
    assert run.others is None
    with pytest.raises(DependencyException, match="positions in EUR"):
        enter()
    assert run.shared is not None

    def gone() -> None:
        raise OSError("unreachable")

    monkeypatch.setattr(run.shared, "beats", gone)
    with pytest.raises(DependencyException, match="unreachable"):
        enter()


def test_dollars_are_one_currency_and_a_dry_run_is_no_live_bot(tmp_path: Path) -> None:
    run = begin(tmp_path, "other")
    others.step(run, "USDC", [held(10.0)])
    run = begin(tmp_path, "own")
    others.step(run, "USDT", [])
    assert [each.stake for each in current().others or ()] == [10.0]
    run = begin(tmp_path, "live")
    run.key = LEDGER_KEYS[False]
    others.step(run, "USDT", [])
    assert run.others == ()


def test_without_a_shared_database_nothing_is_asked(tmp_path: Path) -> None:
    run = begin(tmp_path, "own", shared="")
    others.step(run, "USDT", [held(10.0)])
    assert (run.shared, run.others) == (None, ())
    enter()
