"""The stand-in's account: books that add up whatever is asked, and the stated fill model."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets import examples
from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import NotListed, Tape
from freqpilot.rehearsal.venue.spot import (
    EIGHT,
    FILL_SHARE,
    LOT,
    ZERO,
    SpotVenue,
    Ticket,
    VenueOrder,
    rounded,
)

HOUR = 3_600_000
MARKET = SyntheticMarket(pairs=("BTC/USDT", "XYZ/USDT"), candles=80, seed=11)
TAPE = Tape.from_market(MARKET)
SYMBOLS = {"BTCUSDT": "BTC/USDT", "XYZUSDT": "XYZ/USDT"}
START = TAPE.start + 30 * HOUR
RICH = {"USDT": Decimal(3_000_000), "BTC": Decimal(20), "XYZ": Decimal(900_000)}


def tick(symbol: str, tape: Tape = TAPE) -> Decimal:
    return Decimal(str(tape.symbol(symbol).tick))


def near(symbol: str, now: int, share: float, tape: Tape = TAPE) -> Decimal:
    """The price of now, moved by ``share`` of it, on the grid."""
    price = Decimal(str(tape.symbol(symbol).price(now))) * Decimal(str(1 + share))
    return rounded(price, tick(symbol, tape), up=share > 0)


def lots(symbol: str, worth: float, now: int) -> Decimal:
    price = Decimal(str(TAPE.symbol(symbol).price(now)))
    return rounded(Decimal(str(worth)) / price, LOT, up=False)


def code_of(call: Callable[[], Any]) -> int:
    with pytest.raises(BadRequest) as refused:
        call()
    return refused.value.code


def limit(side: str, price: Decimal, amount: Decimal, symbol: str = "BTCUSDT", **more: Any) -> Any:
    return Ticket(symbol, side, "LIMIT", amount, limit=price, **more)


def stop(
    side: str, trigger: Decimal, price: Decimal, amount: Decimal, symbol: str = "BTCUSDT"
) -> Ticket:
    return Ticket(symbol, side, "STOP_LOSS_LIMIT", amount, limit=price, stop=trigger)


# whatever is asked, the books add up

tickets = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(sorted(SYMBOLS)),
        "side": st.sampled_from(["BUY", "SELL"]),
        "kind": st.sampled_from(["MARKET", "LIMIT", "STOP_LOSS_LIMIT"]),
        "worth": st.sampled_from([3.0, 20.0, 5_000.0, 400_000.0, 1_500_000.0]),
        "away": st.floats(-0.02, 0.02),
        "slack": st.floats(-0.01, 0.01),
        "time_in_force": st.sampled_from(["GTC", "GTC", "IOC"]),
        "doomed": st.booleans(),
        "client_id": st.sampled_from(["", "a", "b"]),
    }
)
steps = st.one_of(
    tickets,
    tickets,
    st.integers(0, 30),  # cancel the n-th order
    st.floats(0.001, 9.0),  # hours pass
)


def ticket_from(asked: dict[str, Any], now: int) -> Ticket:
    symbol = asked["symbol"]
    trigger = near(symbol, now, asked["away"])
    stops = asked["kind"].startswith("STOP")
    price = None if asked["kind"] == "MARKET" else trigger
    if stops:
        price = rounded(trigger * Decimal(str(1 + asked["slack"])), tick(symbol), up=False)
    return Ticket(
        symbol,
        asked["side"],
        asked["kind"],
        lots(symbol, asked["worth"], now),
        limit=price,
        stop=trigger if stops else None,
        client_id=asked["client_id"],
        time_in_force="GTC" if stops else asked["time_in_force"],
        doomed=asked["doomed"],
    )


def check_books(venue: SpotVenue, start: dict[str, Decimal], now: int) -> None:
    moved = dict.fromkeys(start, ZERO)
    for order in venue.orders:
        base, quote = venue.assets(order.symbol)
        check_order(order, now)
        for fill in order.fills:
            moved[base] += order.sign * fill.amount
            moved[quote] -= order.sign * fill.amount * fill.price
            moved[fill.fee_asset] -= fill.fee
    assert {asset: start[asset] + moved[asset] for asset in start} == venue.balances
    for asset, total in venue.balances.items():
        assert total >= 0
        assert 0 <= venue.free(asset) <= total
    numbers = sorted(fill.number for order in venue.orders for fill in order.fills)
    assert numbers == list(range(1, len(numbers) + 1))


def check_order(order: VenueOrder, now: int) -> None:
    assert order.filled == sum((fill.amount for fill in order.fills), ZERO)
    assert order.cost == sum((fill.amount * fill.price for fill in order.fills), ZERO)
    assert order.filled <= order.amount
    assert (order.status == "FILLED") == (order.remaining == 0)
    for fill in order.fills:
        assert order.created <= fill.time <= now
        assert fill.amount > 0
        assert fill.amount % LOT == 0
        received = fill.amount if order.sign > 0 else fill.amount * fill.price
        assert fill.fee == (received / 1000).quantize(EIGHT, ROUND_CEILING)
        if order.limit is not None:
            assert (fill.price - order.limit) * order.sign <= 0
        if fill.maker:
            assert fill.price == order.limit


@settings(max_examples=examples(150))
@given(asked=st.lists(steps, min_size=3, max_size=25))
def test_the_books_add_up_whatever_is_asked(asked: list[Any]) -> None:
    venue, now = SpotVenue(TAPE, RICH), START
    for step in asked:
        if isinstance(step, float):
            now = min(TAPE.end, now + int(step * HOUR))
            venue.advance(now)
        elif isinstance(step, int):
            if step < len(venue.orders):
                try_cancel(venue, venue.orders[step], now)
        else:
            try_submit(venue, ticket_from(step, now), now)
        check_books(venue, RICH, now)


def try_cancel(venue: SpotVenue, order: VenueOrder, now: int) -> None:
    venue.advance(now)
    if not order.is_open:
        assert code_of(lambda: venue.cancel(order, now)) == -2011
        return
    assert venue.cancel(order, now).status == "CANCELED"
    assert not order.is_open


def try_submit(venue: SpotVenue, ticket: Ticket, now: int) -> None:
    before = len(venue.orders)
    taken = {order.client_id for order in venue.open_orders()}
    try:
        order = venue.submit(ticket, now)
    except BadRequest:
        order = None
    if order is None:
        assert len(venue.orders) == before
        return
    assert ticket.client_id not in taken
    if ticket.kind == "MARKET" or ticket.time_in_force == "IOC":
        assert not order.is_open


def test_random_orders_meet_every_kind_of_end() -> None:
    """The property above is about something: its orders do fill, in parts too, and expire."""
    venue, now = SpotVenue(TAPE, RICH), START
    random = np.random.default_rng(3)
    for _ in range(60):
        worth = float(random.choice([5_000.0, 400_000.0, 1_500_000.0]))
        asked = {
            "symbol": str(random.choice(sorted(SYMBOLS))),
            "side": str(random.choice(["BUY", "SELL"])),
            "kind": str(random.choice(["MARKET", "LIMIT", "STOP_LOSS_LIMIT"])),
            "worth": worth,
            "away": float(random.uniform(-0.004, 0.004)),
            "slack": 0.0,
            "time_in_force": str(random.choice(["GTC", "GTC", "IOC"])),
            "doomed": bool(random.random() < 0.2),
            "client_id": "",
        }
        try_submit(venue, ticket_from(asked, now), now)
        now = min(TAPE.end, now + int(random.uniform(0.01, 1.2) * HOUR))
        venue.advance(now)
        check_books(venue, RICH, now)
    assert {order.status for order in venue.orders} >= {"FILLED", "CANCELED", "EXPIRED"}
    fills = [fill for order in venue.orders for fill in order.fills]
    assert {fill.maker for fill in fills} == {True, False}
    assert any(order.kind == "STOP_LOSS_LIMIT" and order.fills for order in venue.orders)
    assert max(len(order.fills) for order in venue.orders) > 2


# what the market pays


def test_a_market_order_takes_the_book_from_the_best_level_on() -> None:
    venue = SpotVenue(TAPE, RICH)
    book = quotes.depth(TAPE.symbol("XYZUSDT"), START, 3)["asks"]
    first, second = (Decimal(size).quantize(LOT) for _, size in book[:2])
    amount = first + rounded(second / 2, LOT, up=False)
    order = venue.submit(Ticket("XYZUSDT", "BUY", "MARKET", amount), START)
    assert order.status == "FILLED"
    assert [fill.price for fill in order.fills] == [Decimal(price) for price, _ in book[:2]]
    assert order.fills[0].amount == first
    assert not any(fill.maker for fill in order.fills)


def test_a_crossing_limit_order_takes_up_to_its_limit_and_rests() -> None:
    venue = SpotVenue(TAPE, RICH)
    best, size = (Decimal(x) for x in quotes.depth(TAPE.symbol("XYZUSDT"), START, 1)["bids"][0])
    amount = rounded(size * 3, LOT, up=False)
    order = venue.submit(limit("SELL", best, amount, "XYZUSDT"), START)
    assert (order.status, order.filled) == ("PARTIALLY_FILLED", size)
    assert venue.locked("XYZ") == order.remaining
    assert venue.free("XYZ") == venue.balances["XYZ"] - order.remaining


def test_ioc_leaves_nothing_in_the_book() -> None:
    venue = SpotVenue(TAPE, RICH)
    away = near("BTCUSDT", START, -0.01)
    nothing = venue.submit(limit("BUY", away, LOT * 1000, time_in_force="IOC"), START)
    assert (nothing.status, nothing.filled) == ("EXPIRED", 0)
    best, size = (Decimal(x) for x in quotes.depth(TAPE.symbol("BTCUSDT"), START, 1)["asks"][0])
    part = venue.submit(
        limit("BUY", best, rounded(size * 2, LOT, up=False), time_in_force="IOC"), START
    )
    assert (part.status, part.filled) == ("EXPIRED", size)
    assert venue.open_orders() == []
    assert venue.locked("USDT") == 0


# resting orders; the candles' extremes are the oracle

HOURS = st.integers(31, 76)


def extreme(row: int, side: str) -> Decimal:
    column = "low" if side == "BUY" else "high"
    pair = TAPE.pairs["BTC/USDT"]
    return Decimal(f"{MARKET.frames['BTC/USDT'][column].iloc[row]:.{pair.decimals}f}")


def resting(venue: SpotVenue, side: str, price: Decimal, now: int) -> VenueOrder | None:
    order = venue.submit(limit(side, price, LOT * 100), now)
    return order if order.resting is not None and order.is_open else None


@given(row=HOURS, side=st.sampled_from(["BUY", "SELL"]), ticks=st.integers(-3, 3))
def test_a_resting_order_fills_only_a_tick_beyond(row: int, side: str, ticks: int) -> None:
    venue = SpotVenue(TAPE, RICH)
    sign = 1 if side == "BUY" else -1
    price = extreme(row, side) + sign * ticks * tick("BTCUSDT")
    order = resting(venue, side, price, TAPE.start + row * HOUR)
    if order is None:
        return  # it crossed the book at the start of the candle
    venue.advance(TAPE.start + (row + 1) * HOUR)
    assert bool(order.fills) == (ticks >= 1)
    assert all(fill.maker and fill.price == price for fill in order.fills)


@given(row=HOURS, side=st.sampled_from(["BUY", "SELL"]), minutes=st.integers(1, 59))
def test_a_resting_order_waits_for_the_path(row: int, side: str, minutes: int) -> None:
    venue, sign = SpotVenue(TAPE, RICH), 1 if side == "BUY" else -1
    begin = TAPE.start + row * HOUR
    price = extreme(row, side) + sign * tick("BTCUSDT")
    order = resting(venue, side, price, begin)
    if order is None:
        return
    now = begin + minutes * 60_000
    venue.advance(now)
    prices = [Decimal(str(price)) for _, price in TAPE.symbol("BTCUSDT").corners(begin, now)]
    reached = any((each - price) * sign <= -tick("BTCUSDT") for each in prices)
    assert bool(order.fills) == reached


def large(venue: SpotVenue) -> tuple[VenueOrder, int]:
    """A resting buy order that is more than an hour's trades can fill, and when it was placed."""
    for row in range(31, 70):
        begin = TAPE.start + row * HOUR
        price = rounded(Decimal(str(MARKET.frames["XYZ/USDT"]["low"][row])), pair_tick(), up=True)
        asked = limit("BUY", price + 40 * pair_tick(), Decimal(900_000), "XYZUSDT")
        order = venue.submit(asked, begin)
        if order.is_open and not order.filled:
            return order, begin
        venue.cancel(order, begin)
    return pytest.fail("no candle of this market lets an order rest above its low")


def test_a_large_resting_order_takes_its_share_of_the_trades() -> None:
    venue = SpotVenue(TAPE, RICH)
    order, begin = large(venue)
    venue.advance(begin + HOUR)
    assert order.limit is not None
    beyond = float(order.limit - pair_tick())
    pair = TAPE.symbol("XYZUSDT")
    looks = range(begin + 5_000, begin + HOUR, 10_000)
    share = sum(pair.price(moment) <= beyond for moment in looks) / len(looks)
    traded = quotes.closed_volume(pair, begin) * share
    assert float(order.filled) == pytest.approx(traded * float(FILL_SHARE), rel=0.05)
    assert order.status == "PARTIALLY_FILLED"


def pair_tick() -> Decimal:
    return tick("XYZUSDT")


@given(row=HOURS, side=st.sampled_from(["BUY", "SELL"]), ticks=st.integers(-2, 2))
def test_a_stop_triggers_when_the_path_touches_it(row: int, side: str, ticks: int) -> None:
    venue = SpotVenue(TAPE, RICH)
    sign = 1 if side == "BUY" else -1
    begin = TAPE.start + row * HOUR
    trigger = extreme(row, "SELL" if side == "BUY" else "BUY") - sign * ticks * tick("BTCUSDT")
    price = rounded(trigger * (1 + sign * Decimal("0.01")), tick("BTCUSDT"), up=False)
    if (trigger - near("BTCUSDT", begin, 0)) * sign <= 0:
        return  # it is there already: the venue refuses it
    order = venue.submit(stop(side, trigger, price, LOT * 100), begin)
    assert order.resting is None
    assert not order.fills
    venue.advance(begin + HOUR)
    assert bool(order.fills) == (ticks >= 0)
    for fill in order.fills:
        assert (fill.price - price) * sign <= 0
        assert not fill.maker
        assert (fill.price - trigger) * sign > 0  # it pays the spread at the stop


def test_a_cancelled_stop_does_not_trigger() -> None:
    venue = SpotVenue(TAPE, RICH)
    now = START
    trigger = near("BTCUSDT", now, -0.001)
    order = venue.submit(stop("SELL", trigger, near("BTCUSDT", now, -0.1), LOT * 100), now)
    venue.cancel(order, now + 1)
    venue.advance(TAPE.end)
    assert (order.status, order.fills) == ("CANCELED", [])


# gaps: a market of our own


def gapped() -> Tape:
    """Three hours at 100.01, then the next candle opens at 95."""
    prices = [100.01, 100.01, 100.01, 95.0, 95.0]
    columns = dict.fromkeys(("open", "high", "low", "close"), prices)
    dates = pd.date_range("2026-01-01", periods=5, freq="h", tz="UTC")
    frame = pd.DataFrame({"date": dates, **columns, "volume": 1000.0})
    return Tape({"BTC/USDT": frame}, 60, synthetic=True)


@pytest.mark.parametrize(("price", "status"), [("97.00", "NEW"), ("94.00", "FILLED")])
def test_a_stop_jumped_by_a_gap_meets_the_market_beyond_it(price: str, status: str) -> None:
    tape = gapped()
    venue = SpotVenue(tape, {"BTC": Decimal(1)})
    asked = stop("SELL", Decimal("98.00"), Decimal(price), Decimal(1))
    order = venue.submit(asked, tape.start + HOUR)
    venue.advance(tape.start + 3 * HOUR)
    assert order.updated == order.created
    venue.advance(tape.start + 3 * HOUR + 1)
    assert order.updated == tape.start + 3 * HOUR + 1
    venue.advance(tape.start + 5 * HOUR)
    assert order.status == status
    assert all(fill.price < 95 for fill in order.fills)


# how time is cut

plans = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.booleans(),
        st.floats(0.0005, 0.02),
        st.floats(-0.002, 0.01),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=examples(60))
@given(
    plan=plans,
    first=st.integers(0, 20 * HOUR),
    cuts=st.lists(st.integers(1, 20 * HOUR), min_size=1, max_size=6),
)
def test_how_time_is_cut_does_not_matter(
    plan: list[tuple[str, bool, float, float]], first: int, cuts: list[int]
) -> None:
    """The same orders trigger and fill, resting ones at the same price. What may differ: the
    sizes of the parts that liquidity gives, a fill's moment by the time the path takes for the
    rounding of its price, and the price of a triggered stop by two ticks for the same reason."""
    begin, end = START + first, START + first + 20 * HOUR
    whole, cut = (planned(plan, begin) for _ in range(2))
    whole.advance(end)
    for moment in sorted(cuts):
        cut.advance(begin + moment)
    cut.advance(end)
    assert len(whole.orders) == len(cut.orders)
    for one, other in zip(whole.orders, cut.orders, strict=True):
        assert bool(one.fills) == bool(other.fills)
        assert (one.resting is None) == (other.resting is None)
        if one.fills:
            makes = one.fills[0].maker
            assert other.fills[0].maker == makes
            difference = abs(one.fills[0].price - other.fills[0].price)
            assert difference <= (0 if makes else 2 * tick("BTCUSDT"))


def planned(plan: list[tuple[str, bool, float, float]], now: int) -> SpotVenue:
    venue = SpotVenue(TAPE, RICH)
    for side, stops, away, slack in plan:
        sign = 1 if side == "BUY" else -1
        where = near("BTCUSDT", now, sign * away if stops else -sign * away)
        price = rounded(where * Decimal(str(1 + sign * slack)), tick("BTCUSDT"), up=False)
        asked = stop(side, where, price, LOT * 50) if stops else limit(side, where, LOT * 50)
        venue.submit(asked, now)
    return venue


def test_time_does_not_go_back() -> None:
    venue = SpotVenue(TAPE, RICH)
    order, begin = large(venue)
    venue.advance(begin + HOUR)
    (fill,) = order.fills
    venue.advance(begin)
    venue.advance(begin + HOUR)
    assert order.fills == [fill]


# a doomed order


@pytest.mark.parametrize("kind", ["market", "crossing", "resting", "large"])
def test_a_doomed_order_is_filled_by_half_and_cancelled(kind: str) -> None:
    venue = SpotVenue(TAPE, RICH)
    symbol = "XYZUSDT" if kind == "large" else "BTCUSDT"
    amount = Decimal(200_000) if kind == "large" else LOT * 1001
    if kind in ("market", "large"):
        ticket = Ticket(symbol, "BUY", "MARKET", amount, doomed=True)
    else:
        away = 0.001 if kind == "crossing" else -0.0005
        ticket = limit("BUY", near(symbol, START, away), amount, doomed=True)
    order = venue.submit(ticket, START)
    if kind == "resting":
        assert order.status == "NEW"
        for minute in range(1, 50 * 60):
            venue.advance(START + minute * 60_000)
    assert order.status == "CANCELED"
    assert order.filled == rounded(amount / 2, LOT, up=False)
    if kind == "large":
        assert len(order.fills) > 1
    assert venue.free("USDT") == venue.balances["USDT"]


# names and refusals


def test_a_client_id_is_free_again_once_its_order_is_closed() -> None:
    venue = SpotVenue(TAPE, RICH)
    price = near("BTCUSDT", START, -0.05)
    first = venue.submit(limit("BUY", price, LOT * 100, client_id="mine"), START)
    again = limit("BUY", price, LOT * 200, client_id="mine")
    assert code_of(lambda: venue.submit(again, START)) == -2010
    venue.cancel(first, START)
    second = venue.submit(again, START)
    assert venue.find("BTCUSDT", None, "mine") is second
    assert venue.find("BTCUSDT", first.number, None) is first


def test_orders_without_a_name_get_one_of_their_own() -> None:
    venue = SpotVenue(TAPE, RICH)
    price = near("BTCUSDT", START, -0.05)
    names = {venue.submit(limit("BUY", price, LOT * 100), START).client_id for _ in range(3)}
    assert len(names) == 3


def test_what_is_not_there_is_not_found() -> None:
    venue = SpotVenue(TAPE, RICH)
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", LOT * 100, client_id="x"), START)
    for call in (
        lambda: venue.find("XYZUSDT", None, "x"),
        lambda: venue.find("BTCUSDT", 2, None),
        lambda: venue.find("BTCUSDT", None, "y"),
    ):
        assert code_of(call) == -2013
    with pytest.raises(NotListed):
        venue.submit(Ticket("NOPEUSDT", "BUY", "MARKET", LOT * 100), START)


GRID = near("BTCUSDT", START, 0)
REFUSED = [
    (limit("BUY", GRID + tick("BTCUSDT") / 2, LOT * 100), -1013, "PRICE_FILTER"),
    (limit("BUY", ZERO, LOT * 100), -1013, "PRICE_FILTER"),
    (stop("SELL", GRID - tick("BTCUSDT") * 3 / 2, GRID, LOT * 100), -1013, "PRICE_FILTER"),
    (limit("BUY", GRID, LOT * 100 + LOT / 10), -1013, "LOT_SIZE"),
    (limit("BUY", GRID, ZERO), -1013, "LOT_SIZE"),
    (limit("SELL", GRID, -LOT), -1013, "LOT_SIZE"),
    (limit("BUY", GRID, LOT * 7), -1013, "NOTIONAL"),
    (Ticket("BTCUSDT", "SELL", "MARKET", LOT * 7), -1013, "NOTIONAL"),
    (stop("SELL", GRID, GRID, LOT * 100), -2010, "trigger immediately"),
    (stop("BUY", GRID, GRID, LOT * 100), -2010, "trigger immediately"),
    (limit("BUY", GRID, Decimal(50)), -2010, "insufficient balance"),
    (limit("SELL", GRID, Decimal(21)), -2010, "insufficient balance"),
    (Ticket("BTCUSDT", "SELL", "MARKET", Decimal(21)), -2010, "insufficient balance"),
    (Ticket("BTCUSDT", "BUY", "MARKET", Decimal(50)), -2010, "insufficient balance"),
    (stop("SELL", GRID - tick("BTCUSDT"), GRID, Decimal(21)), -2010, "insufficient balance"),
]


@pytest.mark.parametrize(("ticket", "code", "words"), REFUSED)
def test_a_refused_order_leaves_no_trace(ticket: Ticket, code: int, words: str) -> None:
    venue = SpotVenue(TAPE, RICH)
    with pytest.raises(BadRequest, match=words) as refused:
        venue.submit(ticket, START)
    assert refused.value.code == code
    assert venue.orders == []
    assert venue.balances == RICH


def test_what_is_locked_cannot_be_used_twice() -> None:
    venue = SpotVenue(TAPE, {"USDT": Decimal(1000), "BTC": Decimal("0.01")})
    price = near("BTCUSDT", START, -0.05)
    amount = rounded(Decimal(900) / price, LOT, up=False)
    order = venue.submit(limit("BUY", price, amount), START)
    assert venue.locked("USDT") == amount * price
    assert code_of(lambda: venue.submit(limit("BUY", price, amount), START)) == -2010
    venue.cancel(order, START)
    assert venue.locked("USDT") == 0
    assert venue.submit(limit("BUY", price, amount), START).is_open
    trigger = near("BTCUSDT", START, -0.01)
    held = venue.submit(stop("SELL", trigger, trigger, Decimal("0.01")), START)
    assert venue.free("BTC") == 0
    everything = Ticket("BTCUSDT", "SELL", "MARKET", Decimal("0.01"))
    assert code_of(lambda: venue.submit(everything, START)) == -2010
    venue.cancel(held, START)
    assert venue.submit(everything, START).status == "FILLED"


def test_open_orders_of_one_symbol_or_all() -> None:
    venue = SpotVenue(TAPE, RICH)
    placed = [
        venue.submit(
            limit("BUY", near(symbol, START, -0.05), lots(symbol, 100, START), symbol), START
        )
        for symbol in SYMBOLS
    ]
    assert venue.open_orders() == placed
    assert [venue.open_orders(symbol) for symbol in SYMBOLS] == [[order] for order in placed]


def test_rounding_stays_on_the_grid() -> None:
    grid = Decimal("0.05")
    assert rounded(Decimal("1.02"), grid, up=True) == Decimal("1.05")
    assert rounded(Decimal("1.02"), grid, up=False) == Decimal("1.00")
    assert rounded(Decimal("1.05"), grid, up=True) == Decimal("1.05")
    assert all(a < b for a, b in pairwise(rounded(Decimal(n), grid, up=True) for n in (1, 2, 3)))


@pytest.mark.parametrize(("far", "status"), [("0.99", "EXPIRED"), ("1.01", "FILLED")])
def test_a_fill_or_kill_order_fills_whole_or_not_at_all(far: str, status: str) -> None:
    venue, now = SpotVenue(TAPE, {"USDT": Decimal(10) ** 9}), START
    price = Decimal(str(TAPE.symbol("BTCUSDT").price(now)))
    limit = (price * Decimal(far)).quantize(Decimal("0.01"))
    ticket = Ticket("BTCUSDT", "BUY", "LIMIT", Decimal("0.01"), limit, time_in_force="FOK")
    assert venue.submit(ticket, now).status == status
    order = venue.submit(replace(ticket, amount=Decimal(9_000)), now)
    assert (order.status, order.filled) == ("EXPIRED", 0)


@pytest.mark.parametrize(
    ("change", "code"), [({"kind": "LIMIT_MAKER"}, -1116), ({"side": "HOLD"}, -1117)]
)
def test_what_is_not_matched_is_refused(change: dict[str, str], code: int) -> None:
    venue = SpotVenue(TAPE, {"USDT": Decimal(1_000)})
    ticket = Ticket("BTCUSDT", "BUY", "LIMIT", Decimal("0.01"), Decimal("60000.00"))
    with pytest.raises(BadRequest) as refused:
        venue.submit(replace(ticket, **change), START)  # type: ignore[arg-type]
    assert refused.value.code == code
