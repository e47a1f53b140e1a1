"""The books of a rehearsal: each rule trips on what it is for, and on nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Order, Trade
from sqlalchemy import create_engine, insert

from freqpilot.rehearsal.books.spot import GRACE_MS, Books
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.spot import LOT, SpotVenue, Ticket, VenueOrder, rounded
from freqpilot.shapes import OrderIntent
from freqpilot.store import open_store

HOUR = 3_600_000
TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
START = TAPE.start + 100 * HOUR
AMOUNT = Decimal("0.1")


def near(share: float, symbol: str = "BTCUSDT", now: int = START) -> Decimal:
    pair = TAPE.symbol(symbol)
    tick = Decimal(str(pair.tick))
    return rounded(Decimal(str(pair.price(now))) * Decimal(str(share)), tick, up=False)


def time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@dataclass
class Case:
    """A session that went well: a position bought by market, its stop in the exchange's book, and
    a bot that knows of both."""

    venue: SpotVenue
    trades: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    intents: dict[str, float] = field(default_factory=dict)
    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)

    @classmethod
    def sound(cls) -> "Case":
        case = cls(SpotVenue(TAPE, {"USDT": Decimal(50_000)}))
        case.know(case.submit("BUY", "MARKET", "entry"))
        case.know(case.stop(), is_open=True)
        case.trades.append(
            {
                "id": 1,
                "exchange": "binance",
                "pair": "BTC/USDT",
                "is_open": True,
                "open_rate": float(near(1)),
                "stake_amount": 6_000.0,
                "amount": float(case.venue.balances["BTC"]),
            }
        )
        return case

    def submit(self, side: str, kind: str, name: str, **more: Any) -> VenueOrder:
        now = more.pop("now", START)
        amount = more.pop("amount", AMOUNT)
        self.intents[name] = float(amount)
        return self.venue.submit(Ticket("BTCUSDT", side, kind, amount, client_id=name, **more), now)

    def stop(self, name: str = "stop") -> VenueOrder:
        amount = rounded(self.venue.free("BTC"), LOT, up=False)
        return self.submit(
            "SELL", "STOP_LOSS_LIMIT", name, amount=amount, limit=near(0.89), stop=near(0.9)
        )

    def rest(self, name: str = "rest", now: int = START) -> VenueOrder:
        return self.submit("BUY", "LIMIT", name, limit=near(0.8), now=now)

    def know(self, order: VenueOrder, **change: Any) -> None:
        """Write an order into the bot's database."""
        row = {
            "ft_trade_id": 1,
            "ft_pair": "BTC/USDT",
            "ft_order_side": order.side.lower(),
            "ft_amount": float(order.amount),
            "ft_price": float(order.limit or near(1)),
            "ft_is_open": order.is_open,
            "order_id": str(order.number),
            "side": order.side.lower(),
            "price": float(order.limit or near(1)),
            "average": float(order.cost / order.filled) if order.filled else None,
            "filled": float(order.filled),
        }
        change = {"ft_is_open" if k == "is_open" else k: v for k, v in change.items()}
        self.orders.append(row | change)

    def read(self, folder: Path) -> Books:
        """Write both databases as their owners do, and read them."""
        database, store = folder / "trades.sqlite", folder / "freqpilot.sqlite"
        engine = create_engine(f"sqlite:///{database}")
        Trade.metadata.create_all(engine)
        with engine.begin() as connection:
            for model, rows in ((Trade, self.trades), (Order, self.orders)):
                for row in rows:
                    connection.execute(insert(model.__table__).values(**row))
        engine.dispose()
        ours = open_store(f"sqlite:///{store}")
        for name, amount in self.intents.items():
            ours.save_intent(intent(name, amount))
        for at, kind, data in self.events:
            ours.add_event(time(at), kind, "INFO", f"{kind} was noted", data)
        ours.close()
        return Books.read(self.venue, database, store)

    def rules(self, folder: Path) -> list[str]:
        return [breach.rule for breach in self.read(folder).breaches()]


def intent(name: str, amount: float) -> OrderIntent:
    return OrderIntent(
        client_id=name,
        pair="BTC/USDT",
        side="buy",
        purpose="entry",
        trade=None,
        kind="limit",
        amount=amount,
        rate=None,
        stop=None,
        leverage=1.0,
        tag=None,
        time=time(START),
    )


def test_sound_books_have_no_breach(tmp_path: Path) -> None:
    books = Case.sound().read(tmp_path)
    assert books.breaches() == ()
    assert [order.is_open for order in books.orders] == [False, True]
    assert books.orders[0].filled == AMOUNT
    assert books.trades[0].amount == books.venue.balances["BTC"]
    assert books.intents == {"entry": AMOUNT, "stop": Decimal("0.0999")}


def test_sound_books_of_a_closed_trade_have_no_breach(tmp_path: Path) -> None:
    case = Case.sound()
    case.venue.cancel(case.venue.orders[1], START)
    case.orders[1]["ft_is_open"] = False
    amount = rounded(case.venue.free("BTC"), LOT, up=False)
    case.know(case.submit("SELL", "MARKET", "exit", amount=amount))
    case.trades[0]["is_open"] = False
    assert case.rules(tmp_path) == []


def test_nothing_done_and_nothing_written_is_no_breach(tmp_path: Path) -> None:
    books = Books.read(SpotVenue(TAPE, {"USDT": Decimal(1)}), tmp_path / "a", tmp_path / "b")
    assert books.breaches() == ()
    assert not list(tmp_path.iterdir())


def test_a_bot_that_lost_its_database_knows_of_nothing(tmp_path: Path) -> None:
    venue = Case.sound().venue
    books = Books.read(venue, tmp_path / "a", tmp_path / "b")
    found = [breach.rule for breach in books.breaches()]
    assert found == ["double order", "double order", "position", "cash"]


# each change makes exactly these breaches


def unknown_open(case: Case) -> None:
    case.rest()


def unknown_filled(case: Case) -> None:
    order = case.submit("BUY", "MARKET", "again")
    case.trades[0]["amount"] = float(case.venue.balances["BTC"])
    case.orders[0]["filled"] += float(order.filled)  # the sums hold: only the order is unknown


def unknown_without_effect(case: Case) -> None:
    case.venue.cancel(case.rest(), START)


def one_name_twice(case: Case) -> None:
    for _ in range(2):
        order = case.rest("twice")
        case.venue.cancel(order, START)
        case.know(order)


def more_than_planned(case: Case) -> None:
    case.intents["entry"] = 0.1 - 2e-5


def a_lot_more_than_planned(case: Case) -> None:
    case.intents["entry"] = 0.1 - 1e-5


def never_planned(case: Case) -> None:
    del case.intents["entry"]


def lost_in_the_ledger(case: Case) -> None:
    case.venue.balances["BTC"] -= LOT / 2


def position_too_small(case: Case) -> None:
    case.trades[0]["amount"] -= 3e-5


def position_too_large(case: Case) -> None:
    case.trades[0]["amount"] += 3e-5


def position_off_by_dust(case: Case) -> None:
    case.trades[0]["amount"] -= 1e-5


def position_forgotten(case: Case) -> None:
    case.trades[0]["is_open"] = False


def position_in_a_pair_never_traded(case: Case) -> None:
    case.trades.append(case.trades[0] | {"id": 2, "pair": "ETH/USDT", "amount": 1.0})


def wrong_price(case: Case) -> None:
    case.orders[0]["average"] *= 1.00001


def price_off_by_rounding(case: Case) -> None:
    case.orders[0]["average"] *= 1 + 1e-7


def price_of_the_order_where_no_average_is(case: Case) -> None:
    case.orders[0] |= {"price": case.orders[0]["average"], "average": None}


def fill_not_written(case: Case) -> None:
    case.orders[0]["filled"] = None


def open_in_the_database_only(case: Case) -> None:
    case.venue.cancel(case.venue.orders[1], START)


def open_and_never_sent(case: Case) -> None:
    case.orders.append(case.orders[1] | {"order_id": "99"})


def open_at_the_exchange_only(case: Case) -> None:
    case.orders[1]["ft_is_open"] = False  # known, and looked after by the watchman


CHANGES: list[tuple[Callable[[Case], None], list[str]]] = [
    (unknown_open, ["double order"]),
    (unknown_filled, ["double order"]),
    (unknown_without_effect, []),
    (one_name_twice, ["double order"]),
    (more_than_planned, ["overfilled"]),
    (a_lot_more_than_planned, []),
    (never_planned, []),
    (lost_in_the_ledger, ["ledger"]),
    (position_too_small, ["position"]),
    (position_too_large, ["position"]),
    (position_off_by_dust, []),
    (position_forgotten, ["position"]),
    (position_in_a_pair_never_traded, ["position"]),
    (wrong_price, ["cash"]),
    (price_off_by_rounding, []),
    (price_of_the_order_where_no_average_is, []),
    (fill_not_written, ["cash"]),
    (open_in_the_database_only, ["open order"]),
    (open_and_never_sent, ["open order"]),
    (open_at_the_exchange_only, []),
]


@pytest.mark.parametrize(
    ("change", "rules"), CHANGES, ids=[change.__name__ for change, _ in CHANGES]
)
def test_each_rule_trips_on_its_own(
    tmp_path: Path, change: Callable[[Case], None], rules: list[str]
) -> None:
    case = Case.sound()
    change(case)
    assert case.rules(tmp_path) == rules


@pytest.mark.parametrize(("written", "rules"), [(True, []), (False, ["unwritten"])])
def test_an_entry_of_ours_was_written_down_before(
    tmp_path: Path, written: bool, rules: list[str]
) -> None:
    case, name = Case.sound(), "fq-bot-n1-entry-1"
    case.venue.orders[0].client_id = name
    if written:
        case.intents[name] = case.intents.pop("entry")
    assert case.rules(tmp_path) == rules


@pytest.mark.parametrize(("back", "rules"), [(False, ["halted"]), (True, [])])
def test_what_a_clock_that_was_ahead_forbids_is_over_when_it_goes_back(
    tmp_path: Path, back: bool, rules: list[str]
) -> None:
    case, begin = Case.sound(), START - HOUR
    case.events = [(begin, "safe mode", {}), (START + HOUR, "safe mode over", {})]
    if back:
        case.events.append((begin + 60_000, "clock", {}))
    assert case.rules(tmp_path) == rules


def test_a_breach_names_what_was_found(tmp_path: Path) -> None:
    case = Case.sound()
    unknown_open(case)
    open_and_never_sent(case)
    unknown, missing = (str(breach) for breach in case.read(tmp_path).breaches())
    assert unknown.startswith("double order: the bot does not know of BUY BTCUSDT LIMIT 0/0.1")
    assert "rest, NEW" in unknown
    assert missing == (
        "open order: order 99 in BTC/USDT is open in the database, it does not exist"
    )


# while nothing may raise risk

BEGIN, END = START + 10 * HOUR, START + 20 * HOUR
HALTED = [
    ([("halt", BEGIN), ("release", END)], BEGIN + HOUR, ["halted"]),
    ([("safe mode", BEGIN), ("safe mode over", END)], BEGIN + HOUR, ["halted"]),
    ([("halt", BEGIN)], END + HOUR, ["halted"]),
    ([("halt", BEGIN), ("halt", BEGIN + 5 * HOUR)], BEGIN + HOUR, ["halted"]),
    ([("safe mode", BEGIN), ("halt", BEGIN)], BEGIN + HOUR, ["halted", "halted"]),
    ([("safe mode", BEGIN), ("release", BEGIN + 1)], BEGIN + HOUR, ["halted"]),
    ([("halt", BEGIN), ("release", END)], BEGIN + GRACE_MS + 1, ["halted"]),
    ([("halt", BEGIN), ("release", END)], BEGIN + GRACE_MS, []),
    ([("halt", BEGIN), ("release", END)], BEGIN - HOUR, []),
    ([("halt", BEGIN), ("release", END)], END, []),
    ([("release", BEGIN), ("veto", BEGIN)], BEGIN + HOUR, []),
]


@pytest.mark.parametrize(("events", "bought", "rules"), HALTED)
def test_nothing_is_bought_while_it_is_forbidden(
    tmp_path: Path, events: list[tuple[str, int]], bought: int, rules: list[str]
) -> None:
    case = Case.sound()
    case.events = [(at, kind, {}) for kind, at in events]
    case.know(case.rest(now=bought))
    assert case.venue.orders[-1].is_open
    assert case.rules(tmp_path) == rules


def test_selling_is_never_forbidden(tmp_path: Path) -> None:
    case = Case.sound()
    case.events = [(START - HOUR, "halt", {}), (START - 1, "release", {}), (START, "halt", {})]
    case.venue.cancel(case.venue.orders[1], START + HOUR)
    case.orders[1]["ft_is_open"] = False
    amount = rounded(case.venue.free("BTC"), LOT, up=False)
    case.know(case.submit("SELL", "MARKET", "exit", amount=amount, now=START + HOUR))
    case.trades[0]["is_open"] = False
    assert case.rules(tmp_path) == []


@pytest.mark.parametrize(
    ("times", "starts", "found"), [(4, 1, []), (5, 1, ["rows"]), (5, 2, []), (9, 1, ["rows"])]
)
def test_a_refusal_stands_in_a_row_for_each_change(
    tmp_path: Path, times: int, starts: int, found: list[str]
) -> None:
    """Sound books have two orders of the pair and these are of one day."""
    case, data = Case.sound(), {"pair": "BTC/USDT", "purpose": "entry", "rule": "halt"}
    case.events = [(START + n, "veto", data) for n in range(times)]
    case.events += [(START, "veto", {**data, "pair": "ETH/USDT"})] * 2
    books = case.read(tmp_path)
    assert [breach.rule for breach in books.repeated(starts)] == [*found]


@pytest.mark.parametrize(
    ("purpose", "rules"),
    [("exit", ["exit refused"]), ("stop", ["exit refused"]), ("entry", []), ("add", [])],
)
def test_an_exit_is_never_refused(tmp_path: Path, purpose: str, rules: list[str]) -> None:
    case = Case.sound()
    case.events = [(START, "veto", {"pair": "BTC/USDT", "purpose": purpose})]
    assert case.rules(tmp_path) == rules


def test_differences_are_what_the_bot_itself_found(tmp_path: Path) -> None:
    case = Case.sound()
    case.events = [
        (START, "difference", {}),
        (START, "veto", {}),
        (START + 1, "difference", {}),
        (START + 1, "veto", {"pair": "BTC/USDT", "purpose": "entry", "rule": "daily_loss"}),
    ]
    books = case.read(tmp_path)
    assert books.refusals == ("unnamed", "daily_loss")
    assert books.differences == ("difference was noted",) * 2
    assert books.breaches() == ()


def test_every_rule_is_asked(tmp_path: Path) -> None:
    """All of them trip at once on books in which nothing fits."""
    case = Case.sound()
    for change in (unknown_open, more_than_planned, position_forgotten, wrong_price):
        change(case)
    open_and_never_sent(case)
    lost_in_the_ledger(case)
    case.events = [(START - HOUR, "halt", {})]
    books = replace(case.read(tmp_path), refused_exits=2)
    assert {breach.rule for breach in books.breaches()} == {
        "double order",
        "overfilled",
        "ledger",
        "position",
        "cash",
        "open order",
        "halted",
        "exit refused",
    }
