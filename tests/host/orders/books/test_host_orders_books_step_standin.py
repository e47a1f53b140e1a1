"""The comparison against the stand-in exchange, through Freqtrade's own exchange and ccxt: a
liquidation that nobody saw, a stop that was left behind, two bots on one account."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade
from freqtrade.resolvers import ExchangeResolver
from freqtrade.wallets import Wallets
from trades_stage import LONG, SPOT, Bot, Kind, fill, live, placed, resting

from freqpilot.errors import NoEntry
from freqpilot.host.orders import fills, reconcile
from freqpilot.host.orders.books import step as books
from freqpilot.host.orders.differences import Differences
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.rehearsal.exchange.futures import FuturesExchange
from freqpilot.rehearsal.exchange.live import LiveExchange
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.private import KEY, SECRET
from freqpilot.rehearsal.venue.spot import SpotVenue, Ticket, VenueOrder

TAPE = Tape.from_market(SyntheticMarket(["SOL/USDT", "ETH/USDT"], candles=400, seed=3))
BEGIN = datetime.fromtimestamp(TAPE.start / 1000, UTC) + timedelta(hours=100, minutes=10)
MONEY = {"USDT": Decimal(10_000)}


class World:
    """A bot and the stand-in's account, whose orders a test sends as whoever it likes."""

    def __init__(self, bot: Bot, venue: Any, server: LiveExchange, clock: VirtualClock) -> None:
        self.bot, self.venue, self.server, self.clock = bot, venue, server, clock

    @property
    def now(self) -> int:
        return int(self.clock() * 1000)

    def send(self, symbol: str, side: str, amount: str, name: str, **more: Any) -> VenueOrder:
        """Send an order to the exchange under a name."""
        kind = more.pop("kind", "MARKET")
        ticket = Ticket(symbol, side, kind, Decimal(amount), client_id=name, **more)
        made: VenueOrder = self.venue.submit(ticket, self.now)
        return made

    def own(self, kind: Kind, amount: str) -> Trade:
        """Return a trade of the bot's, entered at market on both sides."""
        order = self.send("SOLUSDT", "BUY", amount, f"fq-{current().name}-n1-entry-1")
        rate = float(order.cost / order.filled)
        trade = placed(kind, float(amount) * rate / kind.leverage, rate)
        trade.orders[0].order_id = str(order.number)
        fill(trade, trade.orders[0])
        return trade

    def play(self, span: timedelta) -> None:
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.clock.advance(5)
            books.step(current(), self.bot)

    def texts(self, level: str) -> list[str]:
        return [e.text for e in current().store.events("difference") if e.level == level]


@pytest.fixture
def world(tmp_path: Path, kind: Kind) -> Iterator[World]:
    futures = kind.mode == "futures"
    with VirtualClock(BEGIN) as clock:
        made = FuturesVenue(TAPE, MONEY) if futures else SpotVenue(TAPE, MONEY)
        server = (
            FuturesExchange(made, clock)
            if isinstance(made, FuturesVenue)
            else LiveExchange(TAPE, clock, made)
        )
        with server, live(tmp_path, kind) as bot:
            overlay = exchange_overlay(server.url, [kind.pair], futures=futures)
            given = {**overlay["exchange"], "key": KEY, "secret": SECRET}
            listed = [kind.pair, kind.pair.replace("SOL", "ETH")]
            bot.config.update(
                {
                    **overlay,
                    "dry_run": False,
                    "dry_run_wallet": 1_000,
                    "runmode": RunMode.LIVE,
                    "tradable_balance_ratio": 0.99,
                    "exit_pricing": {"price_side": "same", "use_order_book": False},
                }
            )
            bot.config["exchange"] = {**given, "pair_whitelist": listed}
            bot.exchange = ExchangeResolver.load_exchange(
                bot.config, validate=False, load_leverage_tiers=False
            )
            bot.exchange.reload_markets(force=True)
            bot.wallets = Wallets(bot.config, bot.exchange)
            fills.install(bot.exchange)
            current().exchange = "binance"
            yield World(bot, made, server, clock)
            bot.exchange.close()


def lever(world: World) -> None:
    for symbol in ("SOLUSDT", "ETHUSDT"):
        world.venue.set_margin_type(symbol, "ISOLATED")
        world.venue.set_leverage(symbol, 3)


futures = pytest.mark.parametrize("kind", [LONG], ids=["futures"])
spot = pytest.mark.parametrize("kind", [SPOT], ids=["spot"])


@futures
def test_a_liquidation_that_nobody_saw_closes_its_trade_at_its_price(
    world: World, kind: Kind
) -> None:
    lever(world)
    trade = world.own(kind, "3")
    stop = world.send(
        "SOLUSDT",
        "SELL",
        "3",
        f"fq-{current().name}-{trade.id}-stop-1",
        kind="STOP_MARKET",
        stop=Decimal(str(round(trade.open_rate * 0.9, 2))),
        reduce_only=True,
    )
    placed_stop = resting(trade, "stoploss", 3.0, float(stop.stop or 0))
    placed_stop.order_id, placed_stop.side = str(stop.number), "sell"
    trade.orders.append(placed_stop)
    Trade.commit()
    world.play(timedelta(minutes=2))
    assert world.texts("CRITICAL") == []
    position = world.venue.position("SOLUSDT")
    price = world.venue._liquidation(position)
    world.venue._liquidate(position, price, world.now)
    world.play(timedelta(minutes=2))
    assert not trade.is_open
    assert (trade.exit_reason, trade.close_rate) == ("liquidation", float(price))
    (text,) = world.texts("CRITICAL")
    assert "the exchange liquidated the position" in text
    reconcile.settle(current(), world.bot)
    assert not trade.open_sl_orders
    assert world.venue.waiting() == []


@futures
def test_two_bots_on_one_account_leave_each_other_s_alone(world: World, kind: Kind) -> None:
    """ft 11494: ownership is by name, the position of a pair by account."""
    lever(world)
    trade = world.own(kind, "3")
    theirs, other = "fq-0000abcd", kind.pair.replace("SOL", "ETH")
    world.send("ETHUSDT", "BUY", "0.2", f"{theirs}-n1-entry-1")
    price = world.venue.price("ETHUSDT", world.now)
    stop = Decimal(str(round(float(price) * 0.9, 2)))
    tickets = (("STOP_MARKET", {"stop": stop}), ("LIMIT", {"limit": stop}))
    for number, (sort, more) in enumerate(tickets):
        side, name = ("SELL", "BUY")[number], f"{theirs}-1-{('stop', 'add')[number]}-1"
        reduce_only = sort != "LIMIT"
        world.send("ETHUSDT", side, "0.2", name, kind=sort, reduce_only=reduce_only, **more)
    world.play(timedelta(hours=1, minutes=5))
    assert len(world.venue.waiting()) == 2
    assert trade.is_open
    assert {order.order_id for order in trade.orders} == {trade.orders[0].order_id}
    assert sum("belongs to another bot of the pack" in text for text in world.texts("WARNING")) == 2
    (text,) = world.texts("CRITICAL")
    assert f"the position in {other} is 0.2 on the exchange, 0 in the database" in text
    differences = current().part(Differences)
    with pytest.raises(NoEntry):
        differences.require_none(other)
    differences.require_none(kind.pair)


@futures
def test_a_second_bot_in_the_same_pair_makes_the_pair_exits_only(world: World, kind: Kind) -> None:
    lever(world)
    trade = world.own(kind, "3")
    world.send("SOLUSDT", "BUY", "2", "fq-0000abcd-n1-entry-1")
    world.play(timedelta(minutes=3))
    assert "is 5 on the exchange, 3 in the database" in world.texts("CRITICAL")[0]
    with pytest.raises(NoEntry):
        current().part(Differences).require_none(kind.pair)
    world.send("SOLUSDT", "SELL", "5", "fq-0000abcd-1-exit-1", reduce_only=True)
    world.play(timedelta(minutes=3))
    assert trade.is_open, "what another bot has sold closes no trade of this one"
    assert len(trade.orders) == 1
    assert len(world.texts("CRITICAL")) == 2


@spot
def test_on_spot_another_bot_s_coins_are_nobody_s_here(world: World, kind: Kind) -> None:
    trade = world.own(kind, "3")
    trade.amount, trade.orders[0].ft_fee_base = 2.997, 0.003
    Trade.commit()
    world.send("SOLUSDT", "BUY", "2", "fq-0000abcd-n1-entry-1")
    world.play(timedelta(minutes=12))
    (text,) = world.texts("WARNING")
    assert "1.998 SOL that belong to no trade" in text
    current().part(Differences).require_none(kind.pair)
    world.send("SOLUSDT", "SELL", "4", "fq-0000abcd-1-exit-1")
    world.play(timedelta(minutes=12))
    (text,) = world.texts("CRITICAL")
    assert "an exit will fail for lack of coins" in text
    assert trade.is_open
    with pytest.raises(NoEntry):
        current().part(Differences).require_none(kind.pair)


@spot
def test_a_stop_that_outlived_its_trade_gives_its_coins_back(world: World, kind: Kind) -> None:
    """Freqtrade's cancellation was lost and taken for done; the exit had other coins to sell."""
    trade = world.own(kind, "6")
    price = Decimal(str(round(trade.open_rate * 0.9, 2)))
    name = f"fq-{current().name}-{trade.id}-stop-1"
    stop = world.send("SOLUSDT", "SELL", "2", name, kind="STOP_LOSS_LIMIT", stop=price, limit=price)
    row = resting(trade, "stoploss", 2.0, float(price))
    row.order_id, row.side, row.ft_is_open, row.status = str(stop.number), "sell", False, "canceled"
    trade.orders.append(row)
    trade.is_open, trade.close_date = False, world.clock.now().replace(tzinfo=None)
    Trade.commit()
    assert world.venue.locked("SOL") == 2
    world.play(timedelta(minutes=2))
    assert stop.status == "CANCELED"
    assert world.venue.locked("SOL") == 0
    assert any("it was cancelled" in text for text in world.texts("WARNING"))
