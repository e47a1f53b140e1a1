"""The faults: drawn from a seed, the same however the answers interleave."""

from collections import Counter
from itertools import chain, repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.faults.requests import (
    BY_NAME_ALONE,
    HOUR_MS,
    ORDER_FAULTS,
    OUTAGE_EVERY_HOURS,
    OUTAGE_MINUTES,
    RATES,
    Call,
    Fault,
    FaultPlan,
    Strike,
    parse_faults,
)

BUY = Call("POST", "/api/v3/order", "BTCUSDT", signed=True, order="LIMIT")
STOP = Call("POST", "/api/v3/order", "BTCUSDT", signed=True, order="STOP_LOSS_LIMIT")
OTHER = Call("POST", "/api/v3/order", "ETHUSDT", signed=True, order="LIMIT")
LOOK = Call("GET", "/api/v3/order", "BTCUSDT", signed=True)
BOOK = Call("GET", "/api/v3/depth", "BTCUSDT")
CALLS = (BUY, STOP, OTHER, LOOK, BOOK)
ALL = frozenset(Fault)
CALM = ALL - {Fault.OUTAGE}


def struck(plan: FaultPlan, calls: list[Call], now: int = 0) -> list[tuple[Call, str, str]]:
    for call in calls:
        plan.strike(call, now)
    return [(strike.call, strike.fault, strike.moment) for strike in plan.strikes]


def test_the_same_seed_strikes_the_same() -> None:
    calls = list(CALLS) * 200
    first, again, other = (
        [str(strike) for strike in plan.strikes]
        for plan in (FaultPlan(ALL, seed) for seed in (7, 7, 8))
        if struck(plan, calls)
    )
    assert first == again
    assert first != other


@given(seed=st.integers(0, 2**31), order=st.permutations(list(CALLS) * 12))
def test_draws_do_not_depend_on_how_routes_interleave(seed: int, order: list[Call]) -> None:
    mixed, sorted_ = FaultPlan(CALM, seed), FaultPlan(CALM, seed)
    one = struck(mixed, order)
    other = struck(sorted_, sorted(order, key=CALLS.index))
    for call in CALLS:
        assert [hit for hit in one if hit[0] == call] == [hit for hit in other if hit[0] == call]


@pytest.mark.parametrize("after", [False, True])
def test_the_kill_meets_exactly_its_request(after: bool) -> None:
    plan = FaultPlan(kill_at=4, kill_after=after)
    hits = [plan.strike(call, 1_000) for call in [BOOK, BUY, LOOK, BOOK, BUY, LOOK]]
    assert [hit is not None for hit in hits] == [False, False, False, True, False, False]
    moment = "after" if after else "before"
    assert hits[3] == Strike(Fault.KILL, 4, 1_000, BOOK, moment)
    assert plan.strikes == [hits[3]]


def test_from_its_end_on_nothing_fails() -> None:
    plan = FaultPlan(ALL, seed=1, until=1_000, kill_at=2_500)
    early = struck(plan, list(CALLS) * 400, now=999)
    late = struck(plan, list(CALLS) * 400, now=1_000)
    assert early
    assert late == early
    assert plan.requests == 4_000


def test_without_kinds_nothing_fails() -> None:
    assert struck(FaultPlan(seed=3), list(CALLS) * 300) == []


@pytest.mark.parametrize("fault", [fault for fault in Fault if RATES[fault]])
def test_each_kind_strikes_at_its_rate_and_only_what_it_can_meet(fault: Fault) -> None:
    plan, rounds = FaultPlan(frozenset({fault}), seed=5), 3_000
    hits = Counter(call for call, *_ in struck(plan, list(CALLS) * rounds))
    meets = {
        Fault.STOP: {STOP},
        Fault.REJECT: {BUY, OTHER},
        Fault.PARTIAL: {BUY, OTHER},
        Fault.LIMIT: set(CALLS),
        Fault.KILL: {BUY, STOP, OTHER, LOOK},
    }.get(fault, {BUY, STOP, OTHER})
    assert set(hits) == meets
    rate, asked = RATES[fault], rounds * len(meets)
    spread = (rate * (1 - rate) / asked) ** 0.5
    assert hits.total() / asked == pytest.approx(rate, abs=4 * spread)
    assert {strike.fault for strike in plan.strikes} == {fault}
    assert {strike.moment for strike in plan.strikes} == {"before", "after"}


def test_every_order_fault_is_a_fault_of_orders() -> None:
    plan = FaultPlan(frozenset(ORDER_FAULTS), seed=2)
    assert {call for call, *_ in struck(plan, [LOOK, BOOK] * 2_000)} == set()


def test_an_outage_is_a_stretch_of_its_length_in_each_period() -> None:
    plan = FaultPlan(frozenset({Fault.OUTAGE}), seed=9)
    for period in range(4):
        begin = int(period * OUTAGE_EVERY_HOURS * HOUR_MS)
        minutes = range(int(OUTAGE_EVERY_HOURS * 60))
        down = [m for m in minutes if plan.strike(BOOK, begin + m * 60_000) is not None]
        assert OUTAGE_MINUTES[0] - 1 <= len(down) <= OUTAGE_MINUTES[1] + 1
        assert down == list(range(down[0], down[-1] + 1))
    assert {strike.moment for strike in plan.strikes} == {"before"}


def test_some_orders_land_while_the_exchange_is_down() -> None:
    plan = FaultPlan(frozenset({Fault.OUTAGE}), seed=9)
    times = chain.from_iterable(repeat(m * 60_000, 20) for m in range(int(OUTAGE_EVERY_HOURS * 60)))
    for time in times:
        plan.strike(BUY, time)
    assert {strike.moment for strike in plan.strikes} == {"before", "after"}


def test_shares_belong_to_their_request() -> None:
    plan = FaultPlan(seed=4)
    shares = [plan.share("late", request) for request in range(500)]
    assert shares == [FaultPlan(seed=4).share("late", request) for request in range(500)]
    assert len(set(shares)) == 500
    assert all(0 <= share < 1 for share in shares)


def test_a_strike_says_what_when_and_where() -> None:
    text = str(Strike(Fault.LOST, 12, 86_400_000, BUY, "after"))
    assert text == "1970-01-02 00:00:00 request 12: lost after POST /api/v3/order BTCUSDT LIMIT"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", set()),
        ("none", set()),
        ("all", set(Fault) - BY_NAME_ALONE),
        ("lost", {Fault.LOST}),
        ("lost, kill,lost", {Fault.LOST, Fault.KILL}),
    ],
)
def test_faults_are_named(text: str, kinds: set[Fault]) -> None:
    assert parse_faults(text) == kinds


@pytest.mark.parametrize("text", ["losst", "lost,flood", "LOST", "lost,"])
def test_an_unknown_fault_is_told_what_there_is(text: str) -> None:
    with pytest.raises(RefuseToStart, match="there is no fault") as refused:
        parse_faults(text)
    assert all(fault in str(refused.value) for fault in Fault)


def test_help_and_docs_name_every_fault() -> None:
    from freqpilot.cli.rehearsal import rehearse

    docs = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    for fault in Fault:
        assert fault in str(rehearse.__doc__)
        assert f"`{fault}`" in docs
