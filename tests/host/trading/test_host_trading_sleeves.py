"""The run's sleeves on Freqtrade's trades: each fill once, also after a restart."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames import sleeves as sleeveframes
from freqpilot.host.run.current import current
from freqpilot.host.trading import sleeves
from freqpilot.host.trading.sleeves import About, Keeper
from freqpilot.settings import EnsembleSettings
from freqpilot.store import urls

HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 12 * HOUR
PAIR = "BTC/USDT"
SLOTS = np.full(3, 0.5)


TIER = {"risk_per_trade": 0.02, "max_position": 0.15, "max_open_trades": 3}


class Trades:
    """Freqtrade's trades, as the keeper asks for them."""

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.closed: list[Any] = []


@pytest.fixture
def trades(monkeypatch: pytest.MonkeyPatch) -> Trades:
    found = Trades()
    monkeypatch.setattr(sleeves, "open_trades", lambda: found.open)

    def closed(self: Keeper) -> list[Any]:
        return found.closed

    monkeypatch.setattr(Keeper, "_newly_closed", closed)
    return found


def about(*rows: tuple[float, ...]) -> About:
    """Return the columns of BTC: what the sleeves want, due and the close, one hour each."""
    names = sleeveframes.names(EnsembleSettings().sleeves)
    dates = pd.date_range(START - HOUR, periods=len(rows), freq="h", tz="UTC")
    lookup = Lookup(names, HOUR)
    lookup.fill(PAIR, pd.DataFrame(rows, columns=names).assign(date=dates))
    return About(lookup, SLOTS, HOUR, can_short=False)


ROWS = ((1.0, 1.0, 0.0, 1.0, 100.0), (1.0, 1.0, 0.0, 0.0, 90.0), (1.0, 0.0, 0.0, 1.0, 100.0))


def order(name: str, side: str, filled: float, price: float, hours: float = 0) -> Any:
    return SimpleNamespace(
        order_id=name,
        ft_order_side=side,
        safe_filled=filled,
        safe_amount_after_fee=filled,
        safe_price=price,
        order_date_utc=START + hours * HOUR,
    )


def trade(*orders: Any, **fields: Any) -> Any:
    about = {"id": 1, "pair": PAIR, "entry_side": "buy", "orders": list(orders)}
    about |= {"fee_open": 0.001, "fee_close": 0.001, "funding_fees": 0.0, "close_profit_abs": None}
    return SimpleNamespace(**about | fields)


def run(folder: Path | None = None, equity: float = 1_000.0, **section: Any) -> Keeper:
    """Begin a run whose account has been observed; live with a folder. Its only tier admits all
    sleeves, unless ``section`` says otherwise."""
    section.setdefault("risk", {"tiers": [{"name": "All", "equity_from": 0, **TIER}]})
    config = {"freqpilot": section, "user_data_dir": folder, "dry_run": True}
    begin(config, live=folder is not None)
    observe(current(), START, equity)
    return Keeper(current())


@pytest.fixture(autouse=True)
def after() -> Iterator[None]:
    yield
    begin({}, live=False)


def pnl(keeper: Keeper) -> dict[str, float]:
    assert keeper.ledger is not None
    return dict(zip(keeper.ledger.books.names, keeper.ledger.books.pnl.tolist(), strict=True))


def test_the_net_of_all_is_the_target(trades: Trades) -> None:
    keeper, told = run(), about(*ROWS)
    assert keeper.target(PAIR, START, told) == pytest.approx(0.5 * (0.5 + 0.25))
    assert keeper.target(PAIR, START + 2 * HOUR, told) == pytest.approx(0.25)
    assert keeper.target("ETH/USDT", START, told) is None, "a pair without columns"
    assert keeper.target(PAIR, START - 9 * HOUR, told) is None, "no closed candle yet"


def test_without_an_account_nothing_is_wanted(trades: Trades) -> None:
    begin({}, live=False)
    assert Keeper(current()).target(PAIR, START, about(*ROWS)) is None


def test_a_fill_is_counted_once_however_often_it_is_told(trades: Trades) -> None:
    keeper, told = run(), about(*ROWS)
    keeper.target(PAIR, START, told)
    half = trade(order("a", "buy", 1.5, 100.0))
    for _ in range(3):
        keeper.book(half, START, told)
    assert keeper.ledger is not None
    assert keeper.ledger.books.held(PAIR).tolist() == pytest.approx([1.0, 0.5, 0, 0])
    whole = trade(order("a", "buy", 3.0, 100.0))
    keeper.book(whole, START, told)
    keeper.book(whole, START, told)
    assert keeper.ledger.books.held(PAIR).tolist() == pytest.approx([2.0, 1.0, 0, 0])
    assert keeper.ledger.books.fees.sum() == pytest.approx(0.3)


def test_a_closed_trade_leaves_what_it_was_worth(trades: Trades) -> None:
    keeper, told = run(), about(*ROWS)
    keeper.target(PAIR, START, told)
    orders = [order("a", "buy", 3.0, 100.0), order("b", "sell", 3.0, 110.0, 1)]
    done = trade(*orders, close_profit_abs=29.0, funding_fees=-0.2)
    keeper.book(trade(orders[0]), START, told)
    trades.closed = [done]  # its exit was never told
    keeper.target(PAIR, START + HOUR, told)
    assert sum(pnl(keeper).values()) == pytest.approx(29.0)
    assert pnl(keeper)["trend"] == pytest.approx(29.0 * 2 / 3)
    keeper.book(done, START + HOUR, told)
    assert sum(pnl(keeper).values()) == pytest.approx(29.0), "told again after it was settled"


def test_coins_that_are_left_behind_are_worth_nothing(trades: Trades) -> None:
    keeper, told = run(), about(*ROWS)
    keeper.target(PAIR, START, told)
    orders = [order("a", "buy", 3.0, 100.0), order("b", "sell", 2.9, 110.0, 1)]
    keeper.book(trade(*orders), START, told)
    trades.closed = [trade(*orders, close_profit_abs=28.0)]
    keeper.target(PAIR, START + HOUR, told)
    assert keeper.ledger is not None
    assert keeper.ledger.books.held(PAIR) == pytest.approx(np.zeros(4), abs=1e-12)
    assert sum(pnl(keeper).values()) == pytest.approx(28.0)


def test_sleeves_trade_with_each_other_when_something_is_due(trades: Trades) -> None:
    keeper, told = run(), about(ROWS[0], (0.5, 1.0, 1.0, 0.0, 90.0), (0.5, 1.0, 1.0, 1.0, 100.0))
    keeper.target(PAIR, START, told)
    keeper.book(trade(order("a", "buy", 3.0, 100.0)), START, told)
    keeper.target(PAIR, START + HOUR, told)
    assert keeper.ledger is not None
    assert keeper.ledger.books.held(PAIR).tolist() == pytest.approx([2, 1, 0, 0]), "not due"
    keeper.target(PAIR, START + 2 * HOUR, told)
    # Trend wants 1.25 of its 2; breakout 1.25, rotation .25 more.
    held = keeper.ledger.books.held(PAIR)
    assert held[0] == pytest.approx(1.25)
    assert held.sum() == pytest.approx(3.0)
    assert keeper.ledger.books.fees.sum() == pytest.approx(0.3)


def test_a_trade_from_before_is_the_rests_until_a_sleeve_wants_it(trades: Trades) -> None:
    keeper, told = run(), about(*ROWS)
    keeper.book(trade(order("a", "buy", 5.0, 80.0)), START + 2 * HOUR, told)
    assert keeper.ledger is not None
    assert keeper.ledger.books.held(PAIR).tolist() == [0, 0, 0, 5]
    keeper.target(PAIR, START + 2 * HOUR, told)
    assert keeper.ledger.books.held(PAIR).tolist() == pytest.approx([2.5, 0, 0, 2.5])
    assert pnl(keeper)["rest"] == pytest.approx(5 * 20 - 0.4), "what it gained before is not theirs"


def test_a_loss_switches_one_off_until_a_person_resumes_it(trades: Trades, tmp_path: Path) -> None:
    section = {"ensemble": {"max_drawdown": 0.05}}
    rows = (ROWS[0], (1.0, 1.0, 0.0, 0.0, 86.0), (1.0, 1.0, 0.0, 1.0, 86.0))
    keeper, told = run(tmp_path, **section), about(*rows)
    keeper.target(PAIR, START, told)
    assert keeper.ledger is not None
    # Rotation takes all of it: a loss of 14 of its 250.
    keeper.book(trade(order("a", "buy", 1.0, 100.0)), START, about((0.0, 1.0, 0.0, 1.0, 100.0)))
    assert keeper.target(PAIR, START + HOUR, told) == pytest.approx(0.25), "trend goes on"
    (event,) = current().store.events("sleeve")
    assert "freqpilot sleeves --resume rotation" in event.text
    current().store.close()

    config = tmp_path / "config.json"
    config.write_text(json.dumps({"freqpilot": section, "user_data_dir": str(tmp_path)}))
    url = urls.store_url(current().settings, tmp_path)
    shown = sleeves.saved(url)["ledger dry run"]["sleeves"]["rotation"]
    assert shown["off_since"]

    again, told = run(tmp_path, **section), about(*rows)
    assert again.target(PAIR, START + 2 * HOUR, told) == pytest.approx(0.25), "a restart keeps it"
    assert sleeves.resume(url, ["trend"], datetime.now(UTC)) == [], "it is on"
    assert sleeves.resume(url, ["rotation"], datetime.now(UTC)) == ["ledger dry run: rotation"]
    again.loop(told)
    assert again.target(PAIR, START + 2 * HOUR, told) == pytest.approx(0.375)


def test_a_restart_goes_on_with_the_same_books(trades: Trades, tmp_path: Path) -> None:
    keeper, told = run(tmp_path), about(*ROWS)
    keeper.target(PAIR, START, told)
    held = trade(order("a", "buy", 3.0, 100.0))
    keeper.book(held, START, told)
    before = pnl(keeper)
    again = run(tmp_path)
    again.book(held, START, told)
    assert pnl(again) == before
    file = tmp_path / "freqpilot.sqlite"
    current().store.close()
    kept = file.read_bytes()
    backtest = run()
    backtest.target(PAIR, START, told)
    backtest.book(held, START, told)
    assert file.read_bytes() == kept, "a backtest does not touch the live database"


def test_the_command_shows_and_refuses(trades: Trades, tmp_path: Path) -> None:
    runner, folder = CliRunner(), ["--userdir", str(tmp_path)]
    keeper, told = run(tmp_path), about(*ROWS)
    assert "no sleeves were observed" in runner.invoke(app, ["sleeves", *folder]).output
    keeper.target(PAIR, START, told)
    keeper.book(trade(order("a", "buy", 3.0, 100.0)), START, told)
    found = json.loads(runner.invoke(app, ["sleeves", *folder, "--json"]).stdout)
    assert found["dry run"]["sleeves"]["trend"]["exposure"] == pytest.approx(200)
    page = runner.invoke(app, ["sleeves", *folder]).output
    assert "rotation" in page
    assert "MomentumRotation" in page
    refused = runner.invoke(app, ["sleeves", *folder, "--resume", "nobody", "--yes"])
    assert "no sleeve nobody" in str(refused.exception)
    assert (
        "not switched off"
        in runner.invoke(app, ["sleeves", *folder, "--resume", "trend", "--yes"]).output
    )


def test_the_tier_decides_which_sleeves_trade(trades: Trades) -> None:
    """At 1,000 the trend alone; what the others hold is handed on as when they are switched off."""
    keeper = run(risk={})
    assert keeper.target(PAIR, START, about(*ROWS)) == pytest.approx(0.5 * 0.5)
    told = keeper.facts()["sleeves"]
    assert [told[name]["admitted"] for name in ("trend", "rotation", "breakout")] == [
        True,
        False,
        False,
    ]
    assert (told["trend"]["waited"], told["breakout"]["waited"]) == (0, 1)
    rich = run(equity=5_000.0, risk={})
    assert rich.target(PAIR, START, about(*ROWS)) == pytest.approx(0.5 * (0.5 + 0.25))


@pytest.mark.parametrize("section", [{"supervisor": False}, {"risk": {"profile": "watch"}}])
def test_who_bounds_nothing_keeps_no_sleeve_waiting(
    trades: Trades, section: dict[str, Any]
) -> None:
    keeper = run(**{"risk": {}, **section})
    assert keeper.target(PAIR, START, about(*ROWS)) == pytest.approx(0.5 * (0.5 + 0.25))


def test_a_tier_that_is_lost_makes_its_sleeves_wait_and_a_person_hears_of_it(
    trades: Trades, tmp_path: Path
) -> None:
    keeper = run(tmp_path, equity=2_100.0, risk={})
    keeper.target(PAIR, START, about(*ROWS))
    assert current().store.events("sleeve") == [], "all sleeves of the config trade"
    observe(current(), START + HOUR, 1_590.0)
    assert keeper.target(PAIR, START + 2 * HOUR, about(*ROWS)) == pytest.approx(0.5 * 0.5)
    (event,) = current().store.events("sleeve")
    assert event.text == (
        "tier Foundation admits simple strategies: the sleeves rotation, breakout wait for a "
        "higher tier and hold nothing"
    )
    assert event.level == "WARNING"
