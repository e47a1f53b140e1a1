"""The stand-in's futures account by itself: positions, margin, liquidation, funding."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets import examples
from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue import margin
from freqpilot.rehearsal.venue.account import FUNDING_RATE
from freqpilot.rehearsal.venue.futures import FuturesVenue, StopHome
from freqpilot.rehearsal.venue.spot import ZERO, Ticket

HOUR = 3_600_000
FUNDING_MS = 8 * HOUR
MARKET = Tape.from_market(SyntheticMarket(["BTC/USDT", "ETH/USDT"], candles=400, seed=3))
START = Decimal(1_000)
D = Decimal


def opened(tape: Tape, rate: Decimal = FUNDING_RATE, leverage: int = 10) -> FuturesVenue:
    venue = FuturesVenue(tape, {"USDT": START}, funding_rate=rate)
    for pair in tape.pairs:
        symbol = pair.replace("/", "")
        venue.set_margin_type(symbol, "ISOLATED")
        venue.set_leverage(symbol, leverage)
    return venue


def hourly(closes: Sequence[float]) -> Tape:
    """Candles that run straight from close to close, from midnight on."""
    closes = [closes[0] + 0.01, *closes[1:]]  # so that the tick is a cent
    opens = [closes[0], *closes[:-1]]
    frame = pd.DataFrame(
        {
            "date": pd.date_range(datetime(2026, 1, 1, tzinfo=UTC), periods=len(closes), freq="h"),
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1e6,
        }
    )
    return Tape({"AAA/USDT": frame}, 60, synthetic=True)


def refused(venue: FuturesVenue, ticket: Ticket, now: int) -> int:
    with pytest.raises(BadRequest) as fault:
        venue.submit(ticket, now)
    return fault.value.code


def assert_books_add_up(venue: FuturesVenue) -> None:
    fills = [(o, f) for o in venue.orders for f in o.fills]
    for symbol, position in venue.positions.items():
        amount = sum((o.sign * f.amount for o, f in fills if o.symbol == symbol), ZERO)
        assert position.amount == amount
        if not amount:
            assert (position.cost, position.margin) == (0, 0)
    paid = sum((o.sign * f.amount * f.price for o, f in fills), ZERO)
    held = sum((p.cost for p in venue.positions.values()), ZERO)
    fees = sum((f.fee for _, f in fills), ZERO)
    by_kind = {
        kind: sum((e.amount for e in venue.income if e.kind == kind), ZERO)
        for kind in ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE")
    }
    assert by_kind["REALIZED_PNL"] == held - paid
    assert by_kind["COMMISSION"] == -fees
    assert venue.balances["USDT"] == START + sum(by_kind.values(), ZERO)


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["MARKET", "LIMIT", "STOP", "STOP_MARKET", "CANCEL"]),
        st.integers(20, 4_000),  # notional
        st.floats(-0.02, 0.02),  # distance of the limit or the stop
        st.booleans(),  # reduce only
        st.integers(1, 12 * HOUR),  # until the next one
    ),
    min_size=10,
    max_size=25,
)


@settings(max_examples=examples(80), deadline=None)
@given(orders=ORDERS, leverage=st.sampled_from([1, 2, 10, 50]), rate=st.integers(-30, 30))
def test_the_books_add_up_whatever_is_ordered(
    orders: list[tuple[str, str, str, int, float, bool, int]], leverage: int, rate: int
) -> None:
    venue = opened(MARKET, D(rate) / 10_000, leverage)
    now = MARKET.start + 30 * HOUR
    for symbol, side, kind, notional, distance, reduce_only, wait in orders:
        pair = MARKET.symbol(symbol)
        price = pair.price(now)
        near = D(f"{price * (1 + distance):.{pair.decimals}f}")
        ticket = Ticket(
            symbol,
            side,
            kind,
            D(f"{notional / price:.5f}"),
            near if kind in ("LIMIT", "STOP") else None,
            near if kind.startswith("STOP") else None,
            reduce_only=reduce_only,
        )
        try:
            if kind == "CANCEL":
                for order in (*venue.open_orders(symbol), *venue.open_algos(symbol)):
                    venue.cancel(order, now)
            else:
                before = venue.position(symbol).amount
                made = venue.submit(ticket, now)
                after = venue.position(symbol).amount
                if reduce_only and made.filled:
                    assert abs(after) < abs(before)
                    assert after * before >= 0
        except BadRequest:
            pass
        now += wait
        venue.advance(now)
        assert_books_add_up(venue)
        for position in venue.positions.values():
            assert position.margin >= 0
            mark = venue.price(position.symbol, now)
            assert position.margin + position.profit(mark) >= position.maintenance(mark)


@settings(max_examples=examples(200))
@given(
    amount=st.decimals("0.001", 100, places=5),
    entry=st.decimals("1", 90_000, places=2),
    leverage=st.integers(1, 50),
    side=st.sampled_from([1, -1]),
)
def test_at_the_liquidation_price_the_margin_is_the_maintenance_margin(
    amount: Decimal, entry: Decimal, leverage: int, side: int
) -> None:
    position = margin.Position("X", leverage)
    position.trade(side * amount, entry, 0)
    price = position.liquidation_price
    left = position.margin + position.profit(price)
    if leverage == 1 and side > 0:
        assert price == pytest.approx(0, abs=1e-3)
    else:
        assert left == pytest.approx(position.maintenance(price), rel=D("1e-9"))


@pytest.mark.parametrize(("side", "closes"), [("BUY", [100, 70]), ("SELL", [100, 140])])
def test_a_path_that_reaches_the_liquidation_price_closes_there(
    side: str, closes: list[float]
) -> None:
    tape = hourly([100.0, *closes, closes[-1]])
    venue = opened(tape, leverage=5)
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", side, "MARKET", D(10)), now)
    position = venue.position("AAAUSDT")
    exact, sign = position.liquidation_price, position.sign
    stop = Ticket(
        "AAAUSDT", "BUY" if sign < 0 else "SELL", "LIMIT", D(10), D(100), reduce_only=True
    )
    # An exit that does not fill waits in the book, and goes with the position.
    resting = Ticket(**{**stop.__dict__, "limit": D(300) if sign > 0 else D(10)})
    exit_order = venue.submit(resting, now)
    venue.advance(now + 3 * HOUR)
    closing = venue.orders[-1]
    assert venue.liquidations == 1
    assert closing.client_id == "autoclose-1"
    assert abs(closing.fills[0].price - exact) <= D("0.1")
    assert (position.amount, position.margin) == (0, 0)
    assert exit_order.status == "CANCELED"
    assert venue.balances["USDT"] > START - D(10) * D(105) / 5  # the isolated margin, no more
    assert_books_add_up(venue)


def test_a_stop_becomes_an_order_of_its_own_that_only_reduces() -> None:
    tape = hourly([100.0, 100.0, 90.0, 90.0])
    venue = opened(tape)
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", "BUY", "MARKET", D(2)), now)
    ask = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(5), None, D(95), "mine", reduce_only=True)
    algo = venue.find_algo(venue.submit(ask, now).number, None)
    assert (algo.state, algo.child) == ("NEW", None)
    assert refused(venue, ask, now) == -4116
    venue.advance(now + 2 * HOUR)
    assert algo.state == "FINISHED"
    assert algo.child is not None
    assert algo.child.filled == 2
    assert algo.child.cost / 2 == pytest.approx(D(95), rel=D("0.001"))
    assert venue.position("AAAUSDT").amount == 0
    assert venue.find_algo(None, "mine") is algo
    assert venue.find("AAAUSDT", algo.child.number, None) is algo.child


def test_a_stop_with_nothing_to_reduce_is_rejected_when_it_is_triggered() -> None:
    tape = hourly([100.0, 100.0, 90.0, 90.0])
    venue = opened(tape)
    now = tape.start + HOUR
    ticket = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(1), None, D(95), reduce_only=True)
    algo = venue.find_algo(venue.submit(ticket, now).number, None)
    venue.advance(now + 2 * HOUR)
    assert (algo.state, algo.child, venue.orders) == ("REJECTED", None, [])


def test_a_stop_among_the_plain_orders_keeps_its_number_and_only_reduces() -> None:
    """As Binance took stops before 2025-12-09."""
    tape = hourly([100.0, 100.0, 90.0, 90.0])
    venue = opened(tape)
    venue.stop_home = "plain"
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", "BUY", "MARKET", D(2)), now)
    ask = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(5), None, D(95), "mine", reduce_only=True)
    assert refused(venue, ask, now) == -4120, "the endpoint of conditional orders takes none"
    stop = venue.submit(replace(ask, algo=False), now)
    assert (stop.is_open, venue.open_algos(), venue.stops()) == (True, [], [stop])
    venue.advance(now + 2 * HOUR)
    assert (stop.filled, stop.status) == (2, "EXPIRED"), "what is left of it ends with the position"
    assert stop.cost / 2 == pytest.approx(D(95), rel=D("0.001"))
    assert venue.position("AAAUSDT").amount == 0
    assert_books_add_up(venue)


@pytest.mark.parametrize("home", ["algo", "plain", "nowhere"])
def test_a_stop_is_taken_where_it_has_its_home(home: StopHome) -> None:
    venue = opened(hourly([100.0] * 4))
    venue.stop_home = home
    now = venue.tape.start + HOUR
    ticket = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(1), None, D(95), reduce_only=True)
    for algo in (True, False):
        ask = replace(ticket, algo=algo)
        if home == ("algo" if algo else "plain"):
            assert venue.submit(ask, now).is_open
        else:
            assert refused(venue, ask, now) == -4120


def test_a_plain_stop_outlives_its_position_and_expires_when_it_goes_off() -> None:
    tape = hourly([100.0, 100.0, 90.0, 90.0])
    venue = opened(tape)
    venue.stop_home = "plain"
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", "BUY", "MARKET", D(2)), now)
    ticket = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(2), None, D(95), reduce_only=True)
    stop = venue.submit(replace(ticket, algo=False), now)
    venue.submit(Ticket("AAAUSDT", "SELL", "MARKET", D(2), reduce_only=True), now)
    assert stop.is_open
    venue.advance(now + 2 * HOUR)
    assert (stop.filled, stop.status) == (0, "EXPIRED")


def test_what_binance_refuses_is_refused_with_its_code() -> None:
    tape = hourly([100.0] * 4)
    venue = FuturesVenue(tape, {"USDT": START})
    now = tape.start + HOUR
    buy = Ticket("AAAUSDT", "BUY", "MARKET", D(1))
    assert refused(venue, buy, now) == -4000  # cross margin
    venue.set_margin_type("AAAUSDT", "ISOLATED")
    with pytest.raises(BadRequest) as fault:
        venue.set_margin_type("AAAUSDT", "ISOLATED")
    assert fault.value.code == -4046
    venue.set_leverage("AAAUSDT", 2)
    reduce = Ticket("AAAUSDT", "SELL", "LIMIT", D(1), D(101), reduce_only=True)
    assert refused(venue, reduce, now) == -2022
    assert refused(venue, Ticket("AAAUSDT", "BUY", "MARKET", D(21)), now) == -2019
    assert refused(venue, Ticket("AAAUSDT", "BUY", "MARKET", D("0.01")), now) == -4164
    stop = Ticket("AAAUSDT", "SELL", "STOP_MARKET", D(1), None, D(105), reduce_only=True)
    assert refused(venue, stop, now) == -2021
    venue.submit(buy, now)
    assert (
        refused(venue, Ticket("AAAUSDT", "BUY", "LIMIT", D(1), D(99), reduce_only=True), now)
        == -2022
    )
    with pytest.raises(BadRequest) as fault:
        venue.set_leverage("AAAUSDT", 1)
    assert fault.value.code == -4161
    with pytest.raises(BadRequest) as fault:
        venue.set_margin_type("AAAUSDT", "CROSSED")
    assert fault.value.code == -4048


@pytest.mark.parametrize(("side", "sign"), [("BUY", -1), ("SELL", 1)])
def test_funding_moves_the_wallet_every_eight_hours(side: str, sign: int) -> None:
    tape = hourly([100.0] * 20)
    venue = opened(tape, D("0.001"))
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", side, "MARKET", D(3)), now)
    before = venue.balances["USDT"]
    venue.advance(tape.start + 17 * HOUR)
    paid = [entry for entry in venue.income if entry.kind == "FUNDING_FEE"]
    assert [entry.time % FUNDING_MS for entry in paid] == [0, 0]
    assert [entry.amount for entry in paid] == [sign * D("0.3")] * 2
    assert venue.balances["USDT"] == before + sign * D("0.6")


def test_each_symbol_pays_by_its_own_hours_which_may_change() -> None:
    """Every hour an eighth, every four hours a half of what is paid in eight."""
    tape = hourly([100.0] * 40)
    venue = opened(tape, rate=D("0.008"))
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", "BUY", "MARKET", D(1)), now)
    venue.change_funding("AAAUSDT", 1, now)
    venue.change_funding("AAAUSDT", 4, now + 5 * HOUR + 60_000)
    venue.change_funding("AAAUSDT", 8, now + 12 * HOUR)
    venue.advance(now + 30 * HOUR)
    paid = [e for e in venue.income if e.kind == "FUNDING_FEE"]
    hours = [(entry.time - tape.start) // HOUR for entry in paid]
    assert hours == [2, 3, 4, 5, 6, 8, 12, 16, 24]
    shares = [float(-entry.amount / (D(100) * D("0.008"))) for entry in paid]
    assert shares == pytest.approx([1 / 8] * 5 + [1 / 2] * 2 + [1.0] * 2, rel=0.01)
    assert_books_add_up(venue)
    with pytest.raises(ValueError, match="every 3 hours"):
        venue.change_funding("AAAUSDT", 3, now + 31 * HOUR)


def test_a_larger_order_turns_the_position_round() -> None:
    tape = hourly([100.0] * 4)
    venue = opened(tape)
    now = tape.start + HOUR
    venue.submit(Ticket("AAAUSDT", "BUY", "MARKET", D(1)), now)
    venue.submit(Ticket("AAAUSDT", "SELL", "MARKET", D(3)), now)
    position = venue.position("AAAUSDT")
    assert (position.amount, position.sign) == (-2, -1)
    assert position.entry == pytest.approx(D(100), rel=D("0.001"))
    assert_books_add_up(venue)


def test_a_time_in_force_that_is_not_played_is_refused() -> None:
    venue, now = opened(MARKET), int(MARKET.pairs["BTC/USDT"].base.date[100])
    price = D(str(MARKET.symbol("BTCUSDT").price(now)))
    limit = (price * D("0.9")).quantize(D(str(MARKET.symbol("BTCUSDT").tick)))
    ticket = Ticket("BTCUSDT", "BUY", "LIMIT", D("0.001"), limit, time_in_force="GTX")
    assert refused(venue, ticket, now) == -1115
    assert not venue.orders
    venue.submit(replace(ticket, time_in_force="GTC"), now)
    assert len(venue.open_orders()) == 1
