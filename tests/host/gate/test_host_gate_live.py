"""The order gate: every path that can raise risk is judged; what cannot be judged is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import Trade
from freqtrade.rpc.rpc import RPCException
from gate_stage import CONFIG, trade
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import live as livegate
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.risk.entries import limits


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    begun = begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    yield begun
    end()


def order(stake: float, pair: str = "BTC/USDT", side: str = "buy", **more: Any) -> dict[str, Any]:
    return {"pair": pair, "side": side, "amount": stake, "rate": 1.0, "leverage": 1.0, **more}


def send(monkeypatch: pytest.MonkeyPatch, trades: list[Any], request: dict[str, Any]) -> None:
    """Ask the live gate with ``trades`` open."""
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: trades))
    livegate.check_order(SimpleNamespace(trading_mode="spot", _config={"dry_run": True}), request)


def counted() -> dict[str, int]:
    return dict(current().counters.snapshot(datetime.now(UTC))["counts"])


def test_an_entry_inside_the_limits_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, [], order(150.0))
    assert counted()["orders_allowed"] == 1


@pytest.mark.parametrize(
    ("case", "open_trades", "request_", "words"),
    [
        ("entry too large", [], order(151.0), "15"),
        ("replacement", [trade("BTC/USDT", 0, filled=False)], order(151.0), "15"),
        ("add-on", [trade("BTC/USDT", 100)], order(51.0), "15"),
        ("add-on to a pending one", [trade("BTC/USDT", 0, pending=100)], order(51.0), "15"),
        ("fourth trade", [trade(f"{c}/USDT", 10) for c in "ABC"], order(10.0), "3"),
        ("exposure", [trade("A/USDT", 480)], order(50.0), "50"),
        ("not a number", [], order(float("nan")), "nan"),
        ("infinite", [], order(float("inf")), "inf"),
        ("leverage", [], order(10.0, leverage=2.0), "everage"),
    ],
)
def test_an_order_over_a_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    open_trades: list[Any],
    request_: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(DependencyException, match=words) as refused:
        send(monkeypatch, open_trades, request_)
    assert isinstance(refused.value, RPCException), case  # shown to the person who forced it
    assert "Open trades are not affected" in str(refused.value)


def test_reducing_orders_never_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    end()  # not even with no run at all
    send(monkeypatch, [], order(1e9, side="sell"))
    livegate.check_order(
        SimpleNamespace(trading_mode="futures", _config={"dry_run": True}),
        order(1e9, reduceOnly=True),
    )


@pytest.mark.parametrize("profile", ["watch", "guard", "full"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.floats(allow_nan=True),
    rate=st.floats(allow_nan=True),
    mode=st.sampled_from([("spot", {"side": "sell"}), ("futures", {"reduceOnly": True})]),
    equity=st.floats(0.0, 2_000.0),
)
def test_no_profile_ever_refuses_an_exit(
    profile: str, amount: float, rate: float, mode: tuple[str, dict[str, Any]], equity: float
) -> None:
    """Whatever its figures are, and whatever the account has lost."""
    begin({**CONFIG, "freqpilot": {"risk": {"profile": profile}}}, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    observe(current(), datetime.now(UTC), equity)
    trading_mode, how = mode
    livegate.check_order(
        SimpleNamespace(trading_mode=trading_mode, _config={"dry_run": False}),
        order(amount, rate=rate, **how),
    )


def test_without_a_run_every_entry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    end()
    with pytest.raises(NoEntry, match="no run has begun"):
        current()
    with pytest.raises(DependencyException, match="no run has begun"):
        send(monkeypatch, [], order(10.0))


def test_a_fault_inside_the_gate_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(limits, "judge", broken)
    with pytest.raises(DependencyException, match="ZeroDivisionError: a bug"):
        send(monkeypatch, [], order(10.0))
    assert counted()["gate_errors"] == 1


def test_a_stale_ledger_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC) - timedelta(seconds=121), 1_000.0)
    with pytest.raises(DependencyException):
        send(monkeypatch, [], order(10.0))


def test_who_only_watches_refuses_nothing_and_counts_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    risk = run.settings.risk.model_copy(update={"profile": "watch"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    send(monkeypatch, [], order(151.0))
    send(monkeypatch, [], order(float("nan"), "ETH/USDT"))
    monkeypatch.setattr(livegate, "refusal", wait_for_it)
    send(monkeypatch, [], order(10.0, "SOL/USDT"))
    assert "Entry would be refused (watch): the books are not compared yet" in caplog.text
    rows = {(row["kind"], row["rule"]) for row in run.part(Interventions).rows()}
    assert rows == {
        ("would refuse", "max_position"),
        ("would refuse", "figures"),
        ("would refuse", "wait"),
    }


def without_supervisor(run: Run) -> None:
    run.settings = run.settings.model_copy(update={"supervisor": False})


def test_a_market_order_without_a_rate_is_refused_by_the_supervisor_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DependencyException, match="nan"):
        send(monkeypatch, [], order(10.0, rate=None))
    without_supervisor(run)
    send(monkeypatch, [], order(10.0, rate=None))
    assert "gate_errors" not in counted()


def test_without_a_supervisor_no_database_is_needed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out() -> Any:
        raise OperationalError("SELECT", None, Exception("server closed the connection"))

    exchange = SimpleNamespace(trading_mode="spot", _config={"dry_run": True})
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(out))
    with pytest.raises(DependencyException, match="OperationalError"):
        livegate.check_order(exchange, order(10.0))
    without_supervisor(run)
    livegate.check_order(exchange, order(10.0))


def wait_for_it(*_: Any) -> None:
    raise NoEntry("the books are not compared yet")


TIGHT = {
    "trade": {"max_stake": 0.01, "max_loss": 0.001, "max_additions": 0},
    "tags": {"all": {"tags": ["*"], "max_stake": 0.001, "max_trades": 1}},
}


@given(st.floats(allow_nan=True), st.booleans(), st.sampled_from(["full", "guard", "watch"]))
def test_no_profile_refuses_an_exit(amount: float, futures: bool, profile: str) -> None:
    """Whatever is open, however tight the budgets are, halted or not."""
    section = {"risk": {**TIGHT, "profile": profile, "book": {"enabled": False}}}
    run = begin({**CONFIG, "freqpilot": section}, live=False)
    observe(run, datetime.now(UTC), 1_000.0)
    run.state = replace(run.state, halted="drawdown", halted_at=run.state.stamp)
    mode = "futures" if futures else "spot"
    request = order(amount, side="sell", reduceOnly=futures)
    livegate.check_order(SimpleNamespace(trading_mode=mode, _config={"dry_run": True}), request)
    assert run.part(Interventions).rows() == []
