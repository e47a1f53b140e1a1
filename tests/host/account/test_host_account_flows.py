"""Deposits and withdrawals as a live bot sees them, and as a person declares them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trades_stage as stages
from freqtrade.persistence import Trade, init_db
from look_stage import seen_twice
from trades_stage import FEE_CLOSE, FEE_OPEN, Kind, of_each_kind
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.errors import RefuseToStart
from freqpilot.host.account import flows, saved
from freqpilot.host.account.begin import begin
from freqpilot.host.account.verdict import account_book
from freqpilot.host.loop import live
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


class Wallets:
    """Free money, and how often the exchange was asked for it."""

    def __init__(self, free: float) -> None:
        self.free, self.updates = free, 0

    def get_free(self, currency: str) -> float:
        return self.free

    def update(self) -> None:
        self.updates += 1


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'freqpilot.sqlite'}"


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    init_db("sqlite://")
    config = {
        "freqpilot": {},
        "dry_run": False,
        "stake_currency": "USDT",
        "user_data_dir": str(tmp_path),
    }
    exchange = SimpleNamespace(get_rate=lambda *_, **__: 100.0, _config={"dry_run": True})
    made = SimpleNamespace(config=config, wallets=Wallets(1_000.0), exchange=exchange)
    begin(config, live=True)
    seen_twice(made, clock)
    yield made
    end()
    Trade.session.remove()


def trade(**more: Any) -> Trade:
    given: dict[str, Any] = {
        "pair": "SOL/USDT",
        "exchange": "binance",
        "is_open": True,
        "open_date": datetime.now(UTC),
        "open_rate": 100.0,
        "amount": 1.0,
        "stake_amount": 100.0,
        "fee_open": 0.001,
        "fee_close": 0.001,
        "leverage": 1.0,
    }
    made = Trade(**{**given, **more})
    made.recalc_open_trade_value()
    Trade.session.add(made)
    Trade.commit()
    return made


def look(bot: Any, clock: VirtualClock, seconds: float = 5) -> Any:
    clock.advance(seconds)
    live.observe(bot)
    return current().state


def kinds() -> list[str]:
    return [event.kind for event in current().store.events()]


def test_a_trade_from_entry_to_close_is_no_flow(bot: Any, clock: VirtualClock) -> None:
    look(bot, clock)
    held = trade()
    bot.wallets.free = 1_000 - 100  # not filled yet: no fee
    look(bot, clock)
    held.orders.append(_filled(held))
    Trade.commit()
    bot.wallets.free = 1_000 - 100.1
    assert look(bot, clock, 70).equity == pytest.approx(999.8)  # both fees
    held.is_open, held.close_profit_abs, held.close_date = False, 49.75, datetime.now(UTC)
    Trade.commit()
    bot.wallets.free = 1_000 - 100.1 + 150 * 0.999
    assert look(bot, clock, 70).equity == pytest.approx(1_049.75)
    state = look(bot, clock)
    assert state.peak == state.equity, "a profit"
    assert kinds() == []
    assert bot.wallets.updates == 0, "no request more than Freqtrade makes"


def test_money_that_comes_while_the_bot_runs(bot: Any, clock: VirtualClock) -> None:
    look(bot, clock)
    bot.wallets.free = 1_500.0
    assert look(bot, clock).equity == 1_000.0
    assert bot.wallets.updates == 1
    state = look(bot, clock, 60)
    assert (state.equity, state.start, state.peak) == (1_500.0, 1_500.0, 1_500.0)
    assert kinds() == ["flow"]
    look(bot, clock, 60)
    assert bot.wallets.updates == 1


def test_money_that_comes_while_it_does_not(bot: Any, clock: VirtualClock) -> None:
    look(bot, clock)
    end()
    bot.wallets.free = 1_500.0
    begin(bot.config, live=True)
    assert look(bot, clock).equity == 1_000.0
    assert look(bot, clock, 60).start == 1_500.0


def test_a_declared_withdrawal_is_never_a_loss(bot: Any, clock: VirtualClock, url: str) -> None:
    look(bot, clock)
    flows.declare(url, 0.0, 400.0, datetime.now(UTC))
    assert flows.describe(url) == ["a withdrawal of 400.00 waits for the bot"]
    look(bot, clock)
    assert "was not seen yet" in flows.describe(url)[0]
    bot.wallets.free = 600.0
    state = look(bot, clock)
    assert (state.halted, state.level, state.start, state.peak) == (None, 0, 600.0, 600.0)
    assert kinds() == ["flow declared", "flow"]
    assert flows.describe(url) == []


def test_a_withdrawal_that_is_declared_afterwards(bot: Any, clock: VirtualClock, url: str) -> None:
    look(bot, clock)
    bot.wallets.free = 880.0
    look(bot, clock)
    assert look(bot, clock).level == 2, "a loss at once"
    look(bot, clock, 60)
    assert kinds() == ["drawdown", "missing"]
    assert "counts as a loss" in flows.describe(url)[0]
    flows.declare(url, 0.0, 120.0, datetime.now(UTC))
    state = look(bot, clock)
    assert (state.peak, state.start, state.day_start) == (880.0, 880.0, 880.0)
    end()
    begin(bot.config, live=True)
    assert current().state.start == 880.0
    assert look(bot, clock).flows.withdrawal == 0.0, "taken in once"


def test_a_flow_moves_the_look_before_it_as_well(bot: Any, clock: VirtualClock, url: str) -> None:
    """Else the next look would be held against money that is gone."""
    flows.declare(url, 0.0, 200.0, datetime.now(UTC))
    bot.wallets.free = 800.0
    flows.take(current(), bot, [], 800.0)
    seen = current().look
    assert seen is not None
    assert (seen.equity, seen.low) == (800.0, 800.0)


def test_an_old_declaration_says_nothing(bot: Any, clock: VirtualClock, url: str) -> None:
    flows.declare(url, 0.0, 400.0, START - timedelta(days=8))
    assert look(bot, clock).flows.withdrawal == 0.0


def test_an_order_that_fills_holds_money_back(bot: Any, clock: VirtualClock) -> None:
    look(bot, clock)
    held = trade()
    held.orders.append(_filled(held))
    bot.wallets.free = 899.9
    look(bot, clock, 70)
    held.orders.append(_filled(held, "sell", is_open=True))
    Trade.commit()
    bot.wallets.free = 959.9  # 60 sold, which the trade does not know yet
    for _ in range(3):
        assert look(bot, clock, 60).equity == pytest.approx(999.8)
    assert kinds() == []


def test_a_dry_run_has_no_flows(bot: Any, clock: VirtualClock) -> None:
    bot.config["dry_run"] = True
    bot.wallets.free = 1_500.0
    assert look(bot, clock).equity == 1_500.0
    assert current().state.flows.capital is not None  # of the live looks before


@pytest.mark.parametrize(
    ("deposit", "withdraw"), [(1.0, 1.0), (0.0, 0.0), (-1.0, 0.0), (0.0, -5.0), (float("nan"), 0.0)]
)
def test_a_flow_is_one_positive_amount(url: str, deposit: float, withdraw: float) -> None:
    with pytest.raises(RefuseToStart, match="one positive amount"):
        flows.declare(url, deposit, withdraw, START)


@pytest.mark.usefixtures("bot")
def test_the_command(tmp_path: Path, url: str) -> None:
    run = CliRunner()
    assert "no flow is open" in run.invoke(app, ["flow", "--userdir", str(tmp_path)]).stdout
    done = run.invoke(app, ["flow", "--userdir", str(tmp_path), "--deposit", "250"])
    assert "a deposit of 250.00 waits for the bot" in done.stdout
    assert flows.describe(url) == ["a deposit of 250.00 waits for the bot"]


def _filled(held: Trade, side: str = "buy", *, is_open: bool = False) -> Any:
    from freqtrade.persistence import Order

    return Order(
        ft_trade_id=held.id,
        ft_order_side=side,
        ft_pair=held.pair,
        ft_is_open=is_open,
        ft_amount=held.amount,
        ft_price=held.open_rate,
        order_id=f"{side}{held.id}",
        status="open" if is_open else "closed",
        side=side,
        price=held.open_rate,
        average=held.open_rate,
        amount=held.amount,
        filled=0.0 if is_open else held.amount,
        remaining=0.0,
        order_date=datetime.now(UTC),
    )


def test_a_release_gives_a_record_without_edge_another_trial(
    bot: Any, clock: VirtualClock, url: str
) -> None:
    bot.config["freqpilot"] = {"risk": {"sizing": {"method": "kelly"}, "streak_halt": 100}}
    begin(bot.config, live=True)
    for _ in range(20):
        clock.advance(60)
        trade(is_open=False, close_date=datetime.now(UTC), close_profit_abs=-0.1)
    bot.wallets.free = 998.0
    risk = current().settings.risk
    assert look(bot, clock).record.edge().trades == 20
    assert saved.release(url, datetime.now(UTC)) == []
    (told,) = saved.release(url, datetime.now(UTC), risk)
    assert "no edge: 0% of the last 20 trades" in told
    state = look(bot, clock)
    assert (state.record.edge().trades, state.record.total) == (0, 20)
    assert saved.release(url, datetime.now(UTC), risk) == []


def test_a_release_ends_a_losing_streak_and_no_more(
    bot: Any, clock: VirtualClock, url: str
) -> None:
    begin(bot.config, live=True)
    risk = current().settings.risk
    for _ in range(8):
        clock.advance(60)
        trade(is_open=False, close_date=datetime.now(UTC), close_profit_abs=-0.1)
    bot.wallets.free = 999.2
    before = look(bot, clock)
    book = account_book(current())
    assert book is not None
    assert (book.threshold, dict(book.factors)["streak"]) == (0.8, 0.25)
    (told,) = saved.release(url, datetime.now(UTC), risk)
    assert "a losing streak (8 in a row: sizes were 25%" in told
    after = look(bot, clock)
    book = account_book(current())
    assert book is not None
    assert book.threshold == 0
    assert "streak" not in dict(book.factors)
    assert (after.peak, after.start, after.halted) == (before.peak, before.start, None)
    assert after.record.outcomes == before.record.outcomes
    assert saved.release(url, datetime.now(UTC), risk) == []


class Purse:
    """What an exchange's account has left beside its positions, told without Freqtrade's sums."""

    def __init__(self, bot: Any, kind: Kind) -> None:
        self.bot, self.kind = bot, kind
        bot.wallets.free = 1_000.0

    def fill(self, trade: Trade, share: float = 1.0) -> None:
        """Fill an entry; its fee goes with it."""
        stages.fill(trade, trade.orders[0], share)
        amount = 9.0 * share
        self.bot.wallets.free = 1_000.0 - amount * 100 / self.kind.leverage
        self.bot.wallets.free -= amount * 100 * FEE_OPEN

    def leave(self, trade: Trade, amount: float, rate: float) -> None:
        """Close a part, or all, of a position that was entered at 100."""
        stages.leave(trade, amount, rate)
        back = amount * 100 / self.kind.leverage + self.kind.sign * amount * (rate - 100)
        self.bot.wallets.free += back - amount * rate * FEE_CLOSE

    def fund(self, trade: Trade, since: float, change: float) -> None:
        """Let funding come in; Freqtrade has it as the sum ``since`` the last filled order."""
        trade.set_funding_fees(since)
        Trade.commit()
        self.bot.wallets.free += change


@of_each_kind
def test_no_step_of_a_trade_changes_the_capital(tmp_path: Path, kind: Kind) -> None:
    """Fees differ, parts are sold with profit and with loss: the capital is what came from outside.

    Funding is paid or earned on futures only.
    """
    with stages.live(tmp_path, kind) as bot:
        purse = Purse(bot, kind)
        own = 900.0 / kind.leverage

        def capital() -> float:
            return flows.reading(current(), bot, Trade.get_open_trades()).capital

        assert capital() == 1_000.0
        trade = stages.placed(kind, own)
        bot.wallets.free = 1_000.0 - own
        assert capital() == pytest.approx(1_000.0), "it rests"
        purse.fill(trade)
        assert capital() == pytest.approx(1_000.0), "its fee is paid"
        funding = kind.mode == "futures"
        if funding:
            purse.fund(trade, -4.0, -4.0)
            assert capital() == pytest.approx(1_000.0), "funding was paid"
            purse.fund(trade, 3.0, 7.0)
            assert capital() == pytest.approx(1_000.0), "more came in"
        purse.leave(trade, 3.0, 120.0)
        assert trade.realized_profit * kind.sign > 0
        assert capital() == pytest.approx(1_000.0), "a part was sold"
        if funding:
            purse.fund(trade, 2.0, 2.0)
            assert capital() == pytest.approx(1_000.0), "funding of the rest"
        purse.leave(trade, 2.0, 95.0)
        assert capital() == pytest.approx(1_000.0), "another part"
        purse.leave(trade, 4.0, 130.0)
        assert not trade.is_open
        assert capital() == pytest.approx(1_000.0), "all"
        reading = flows.reading(current(), bot, Trade.get_open_trades())
        assert (reading.trades, reading.settled) == (1, True)


@of_each_kind
def test_an_entry_that_was_filled_in_part_has_paid_a_part_of_its_fee(
    tmp_path: Path, kind: Kind
) -> None:
    with stages.live(tmp_path, kind) as bot:
        trade = stages.placed(kind, 900.0 / kind.leverage)
        Purse(bot, kind).fill(trade, 1 / 3)
        reading = flows.reading(current(), bot, Trade.get_open_trades())
        assert reading.capital == pytest.approx(1_000.0)
        assert reading.settled


@of_each_kind
def test_an_order_that_rests_settles_nothing(tmp_path: Path, kind: Kind) -> None:
    with stages.live(tmp_path, kind) as bot:
        stages.placed(kind)
        assert not flows.reading(current(), bot, Trade.get_open_trades()).settled


@pytest.mark.parametrize(
    ("mode", "minute", "settled"),
    [
        ("futures", 0, False),
        ("futures", 2, False),
        ("futures", 3, True),
        ("futures", 59, True),
        ("spot", 0, True),
    ],
)
def test_a_payment_of_funding_is_waited_for_after_a_full_hour(
    bot: Any, clock: VirtualClock, mode: str, minute: int, settled: bool
) -> None:
    bot.config["trading_mode"] = mode
    clock.advance((30 + minute) * 60)
    assert flows.reading(current(), bot, []).settled
    assert flows.reading(current(), bot, [stages.held(stages.KINDS[0])]).settled is settled
