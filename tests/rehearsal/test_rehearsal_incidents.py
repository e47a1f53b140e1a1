"""Incidents: what is drawn from a seed, and what each does to the market and the store."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy.exc import OperationalError

from freqpilot.rehearsal.books.report import Meanwhile
from freqpilot.rehearsal.faults import machine, playing
from freqpilot.rehearsal.faults.incidents import (
    CALLS,
    FOREVER,
    FUTURES_ONLY,
    SHARES,
    SPOT_ONLY,
    TICK_WAYS,
    Incident,
    draw,
    play_jumps,
)
from freqpilot.rehearsal.faults.playing import IncidentPlayer
from freqpilot.rehearsal.faults.requests import INCIDENTS, Call, Fault, FaultPlan, Strike
from freqpilot.rehearsal.faults.second import Belongings, breaches_of
from freqpilot.rehearsal.market.distorted import Distortions
from freqpilot.rehearsal.market.quotes import BadRequest, depth
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.session import OVERLAY
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import SpotVenue, Ticket, Venue
from freqpilot.store import Store, open_store

HOUR = 3_600_000
PAIRS = ("BTC/USDT", "ETH/USDT")
TAPE = Tape.from_market(SyntheticMarket(PAIRS, candles=200, seed=8))
BEGIN = TAPE.start + 100 * HOUR
END = BEGIN + 24 * HOUR
ALL = frozenset(Fault)


def drawn(kinds: frozenset[Fault], seed: int, **more: Any) -> list[Incident]:
    return draw(FaultPlan(kinds, seed), BEGIN, END, PAIRS, **more)


def test_a_seed_draws_the_same_whatever_was_asked_before() -> None:
    fresh, used = FaultPlan(ALL, 4), FaultPlan(ALL, 4)
    for _ in range(50):
        used.draw("anything")
    assert draw(fresh, BEGIN, END, PAIRS) == draw(used, BEGIN, END, PAIRS)
    assert drawn(ALL, 4) != drawn(ALL, 5)


def test_about_every_third_session_meets_each_incident() -> None:
    for futures, never in ((False, FUTURES_ONLY), (True, SPOT_ONLY)):
        sessions = [drawn(ALL, seed, futures=futures) for seed in range(600)]
        met = Counter(fault for found in sessions for fault in {each.fault for each in found})
        assert set(met) == set(INCIDENTS) - never
        for fault in met:
            assert met[fault] / 600 == pytest.approx(SHARES[fault], abs=0.08)


@pytest.mark.parametrize("fault", INCIDENTS)
def test_one_that_is_asked_for_alone_comes_in_each_session(fault: Fault) -> None:
    for seed in range(20):
        found = drawn(frozenset({fault}), seed, futures=fault in FUTURES_ONLY)
        assert {incident.fault for incident in found} == {fault}
        assert [i.begin for i in found] == sorted(i.begin for i in found)
        assert all(BEGIN <= i.begin < END and i.begin < i.end for i in found)


def test_nothing_is_drawn_for_faults_of_requests() -> None:
    assert drawn(ALL - set(INCIDENTS), 1) == []


def test_every_call_is_made_and_orders_race_at_times() -> None:
    calls = [i for seed in range(40) for i in drawn(frozenset({Fault.RPC_FORCE}), seed)]
    assert {call.call for call in calls} == set(CALLS)
    raced = {call.call for call in calls if call.races}
    assert raced == {"forceenter", "forceexit", "forceexit all"}
    assert {call.pair for call in calls} == set(PAIRS)


def test_a_perpetual_is_not_delisted_and_jumps_both_ways() -> None:
    assert drawn(frozenset({Fault.DELISTED}), 1, futures=True) == []
    jumps = [i for s in range(40) for i in drawn(frozenset({Fault.GAP}), s, futures=True)]
    factors = [jump.factor for jump in jumps]
    assert 0.7 <= min(factors) < 0.96
    assert 1.04 < max(factors) <= 1.3
    assert {jump.end == FOREVER for jump in jumps} == {True, False}


def test_a_spot_price_falls_by_5_to_60_percent() -> None:
    factors = [i.factor for s in range(80) for i in drawn(frozenset({Fault.GAP}), s)]
    assert 0.4 <= min(factors) < 0.5
    assert 0.9 < max(factors) <= 0.95


def test_what_the_incidents_of_before_draw_is_not_changed_by_new_ones() -> None:
    new = {fault for fault in INCIDENTS if INCIDENTS.index(fault) > 5}
    for seed in range(40):
        both = drawn(ALL, seed)
        assert [each for each in both if each.fault not in new] == drawn(ALL - new, seed)


def test_each_kind_of_a_wrong_price_is_drawn() -> None:
    ticks = [i for seed in range(40) for i in drawn(frozenset({Fault.BAD_TICK}), seed)]
    assert {tick.way for tick in ticks} == set(TICK_WAYS)
    assert all(0.4 <= tick.factor <= 0.75 or 1.35 <= tick.factor <= 3.0 for tick in ticks)
    clocks = [drawn(frozenset({Fault.CLOCK_JUMP}), seed)[0].factor / 3600 for seed in range(80)]
    assert 1.0 <= min(clocks) < 3.0
    assert 36.0 < max(clocks) <= 72.0


def test_a_jump_is_in_the_market_from_its_candle_to_its_end() -> None:
    begin, end = BEGIN + 5 * HOUR, BEGIN + 7 * HOUR
    jump = Incident(Fault.GAP, begin, end, pair="ETH/USDT", factor=0.5)
    tape = play_jumps(TAPE, [jump, Incident(Fault.DELISTED, begin, pair="BTC/USDT")])
    before, after = TAPE.symbol("ETHUSDT"), tape.symbol("ETHUSDT")
    for moment, factor in ((begin, 1), (begin + 1, 0.5), (end, 0.5), (end + 1, 1)):
        assert after.price(moment) == pytest.approx(before.price(moment) * factor, rel=0.01)
    assert after.decimals == before.decimals
    untouched = tape.symbol("BTCUSDT").base, TAPE.symbol("BTCUSDT").base
    assert all((one == other).all() for one, other in zip(*untouched, strict=True))
    assert tape.synthetic


# playing them


class Client:
    """Stands in for Freqtrade's REST client: keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.dead = False

    def _ask(self, *what: Any) -> None:
        if self.dead:
            raise ValueError("no answer")
        self.asked.append(what)

    def status(self) -> Any:
        return [{"trade_id": 7}, {"trade_id": 3}]

    def start(self) -> None:
        self._ask("start")

    def stop(self) -> None:
        self._ask("stop")

    def reload_config(self) -> None:
        self._ask("reload")

    def forceenter(self, pair: str, side: str, *, order_type: str | None = None) -> None:
        self._ask("enter", pair, side, order_type)

    def forceexit(self, tradeid: Any, ordertype: str | None = None) -> None:
        self._ask("exit", tradeid, ordertype)


@dataclass
class Exchange:
    """Stands in for the exchange."""

    url: str = "http://127.0.0.1:1"
    race: playing.Race | None = None
    calm: bool = False
    distorted: Distortions = field(default_factory=Distortions)
    tape: Tape = TAPE
    ended: int = 0

    def end_bot(self) -> None:
        self.ended += 1


@dataclass
class Clock:
    """Stands in for the clock of the bot's machine."""

    ahead: float = 0.0


@dataclass
class Play:
    """A session's incidents, played loop by loop."""

    folder: Path
    client: Client = field(default_factory=Client)
    exchange: Exchange = field(default_factory=Exchange)
    faults: FaultPlan = field(default_factory=FaultPlan)
    venue: Venue = field(default_factory=lambda: SpotVenue(TAPE, {"USDT": Decimal(1_000)}))
    clock: Clock = field(default_factory=Clock)
    player: IncidentPlayer | None = None

    @property
    def store(self) -> Path:
        return self.folder / "freqpilot.sqlite"

    def begin(self, *incidents: Incident) -> None:
        rest = (self.faults, self.folder, self.store, lambda: self.client)
        self.player = IncidentPlayer(incidents, self.venue, *rest, clock=self.clock)

    def meanwhile(self) -> Meanwhile:
        assert self.player is not None
        return self.player.meanwhile()

    def loop(self, now: int) -> float | None:
        assert self.player is not None
        return asyncio.run(self.player.loop_ended(self.exchange, now))


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    play = Play(tmp_path)
    yield play
    if play.player is not None:
        play.player.close()


@pytest.fixture
def store(play: Play) -> Iterator[Store]:
    store = open_store(f"sqlite:///{play.store}", busy_timeout=0.01)
    store.save_state("ledger live", {"halted": None}, datetime.now(UTC))
    yield store
    store.close()


def test_a_store_is_locked_for_writers_until_its_time_is_over(play: Play, store: Store) -> None:
    play.begin(Incident(Fault.STORE_LOCKED, 100, 200))
    assert play.player is not None
    assert play.loop(99) is None
    store.beat("bot", datetime.now(UTC))
    assert not play.player.store_was_out()
    play.loop(150)
    assert store.load_state("ledger live") == {"halted": None}
    with pytest.raises(OperationalError, match="locked"):
        store.beat("bot", datetime.now(UTC))
    assert play.player.store_was_out()
    play.loop(200)
    store.beat("bot", datetime.now(UTC))
    assert play.player.store_was_out()  # in the loop that has just ended
    assert not play.player.store_was_out()


def test_a_store_that_is_down_answers_nothing_and_comes_back_whole(
    play: Play, store: Store
) -> None:
    store.add_event(datetime.now(UTC), "halt", "EMERGENCY", "why")
    play.begin(Incident(Fault.STORE_DOWN, 100, 200))
    play.loop(100)
    for ask in (lambda: store.load_state("ledger live"), store.events):
        with pytest.raises(OperationalError, match="no such table"):
            ask()
    play.loop(200)
    assert store.load_state("ledger live") == {"halted": None}
    assert [event.text for event in store.events()] == ["why"]


def test_every_table_of_the_store_is_taken_away(play: Play, store: Store) -> None:
    with closing(sqlite3.connect(play.store)) as connection:
        query = "select name from sqlite_master where type = 'table' and name not like '%sqlite%'"
        tables = {row[0] for row in connection.execute(query)}
    assert set(machine.STORE_TABLES) <= tables


def test_a_full_disk_takes_nothing_and_is_read(play: Play) -> None:
    """It fails where SQLite cannot let its log grow: when what was written is committed."""
    machine.heed_full_disk(play.store)
    store = open_store(f"sqlite:///{play.store}")
    store.save_state("ledger live", {"halted": None}, datetime.now(UTC))
    play.begin(Incident(Fault.STORE_FULL, 100, 200))
    play.loop(100)
    for _ in range(2):
        with pytest.raises(OperationalError, match="disk is full"):
            store.save_state("ledger live", {"halted": "why"}, datetime.now(UTC))
        assert store.load_state("ledger live") == {"halted": None}
    assert play.meanwhile().store_out
    play.loop(200)
    store.save_state("ledger live", {"halted": "why"}, datetime.now(UTC))
    assert store.load_state("ledger live") == {"halted": "why"}
    store.close()


def test_a_store_is_put_back_to_what_it_was_while_the_bot_is_down(play: Play, store: Store) -> None:
    play.begin(Incident(Fault.STORE_RESTORED, 100, 200))
    assert play.player is not None
    play.loop(100)
    store.save_state("ledger live", {"halted": "why"}, datetime.now(UTC))
    store.close()
    play.loop(199)
    assert play.exchange.ended == 0
    play.loop(200)
    assert play.exchange.ended == 1
    play.player.restart(205)
    again = open_store(f"sqlite:///{play.store}")
    assert again.load_state("ledger live") == {"halted": None}
    again.close()
    assert play.player.restored == 205
    assert [play.meanwhile().restored for _ in range(2)] == [True, False]
    play.player.restart(300)
    assert play.player.restored == 205


def test_a_clock_is_ahead_until_its_time_is_over_and_no_second_bot_is_started(play: Play) -> None:
    second = Incident(Fault.SECOND_BOT, 150)
    play.begin(Incident(Fault.CLOCK_JUMP, 100, 200, factor=3600.0), second)
    play.loop(100)
    assert play.clock.ahead == play.meanwhile().ahead == 3600.0
    play.loop(199)
    assert play.player is not None
    assert [strike.fault for strike in play.player.met] == [Fault.CLOCK_JUMP]
    play.player.end_due(200)
    assert play.clock.ahead == 0.0


def held(play: Play, *symbols: str) -> None:
    for symbol in symbols:
        play.venue.submit(Ticket(symbol, "BUY", "MARKET", Decimal("0.005")), BEGIN)


@pytest.mark.parametrize(
    ("share", "both", "hit"),
    [(0.1, True, {"BTCUSDT", "ETHUSDT"}), (0.1, False, {"ETHUSDT"}), (0.9, True, {"ETHUSDT"})],
)
def test_a_wrong_price_is_that_of_a_position_and_is_given_once(
    play: Play, share: float, both: bool, hit: set[str]
) -> None:
    tick = Incident(Fault.BAD_TICK, BEGIN, factor=2.0, share=share, way="once")
    play.begin(tick)
    assert play.loop(BEGIN) is None
    assert play.exchange.distorted.wrong == {}, "nothing is held: it waits"
    held(play, "ETHUSDT", *(["BTCUSDT"] if both else []))
    play.loop(BEGIN + 1)
    assert play.meanwhile().ticked == hit == set(play.exchange.distorted.wrong)
    pair, distorted = TAPE.symbol("ETHUSDT"), play.exchange.distorted
    asks = [depth(distorted.quoted(pair), BEGIN + 2, 5)["asks"][0][0] for _ in range(2)]
    assert float(asks[0]) == pytest.approx(2 * pair.price(BEGIN + 2), rel=0.001)
    assert float(asks[1]) == pytest.approx(pair.price(BEGIN + 2), rel=0.001)
    distorted.require_candles(pair)
    play.loop(BEGIN + 2)
    assert distorted.wrong == {}
    assert not play.meanwhile().ticked


def test_a_wrong_price_comes_twice_or_while_the_candles_cannot_be_had(play: Play) -> None:
    held(play, "ETHUSDT")
    pair, distorted = TAPE.symbol("ETHUSDT"), play.exchange.distorted
    play.begin(
        Incident(Fault.BAD_TICK, BEGIN, factor=2.0, way="twice"),
        Incident(Fault.BAD_TICK, BEGIN + 9, factor=0.5, way="silent"),
    )
    for loop, wrong in enumerate(({"ETHUSDT": 2.0}, {"ETHUSDT": 2.0}, {})):
        play.loop(BEGIN + loop)
        assert distorted.wrong == wrong
    play.loop(BEGIN + 9)
    with pytest.raises(BadRequest):
        distorted.require_candles(pair)
    play.loop(BEGIN + 10)
    distorted.require_candles(pair)
    assert distorted.silent == set()


def test_candles_are_late_until_they_are_not(play: Play) -> None:
    play.begin(Incident(Fault.LATE_CANDLES, 100, 200, pair="ETH/USDT", factor=60.0))
    play.loop(100)
    assert play.venue.late == {"ETHUSDT": 60_000}
    play.loop(200)
    assert play.venue.late == {}


def futures_account() -> FuturesVenue:
    venue = FuturesVenue(TAPE, {"USDT": Decimal(1_000)})
    venue.set_margin_type("ETHUSDT", "ISOLATED")
    venue.set_leverage("ETHUSDT", 2)
    return venue


def test_stops_are_not_taken_while_the_venue_has_moved_them(play: Play) -> None:
    play.venue = venue = futures_account()
    venue.submit(Ticket("ETHUSDT", "BUY", "MARKET", Decimal("0.1")), BEGIN)
    play.begin(Incident(Fault.VENUE_CHANGE, 100, 200, way="nowhere"))
    level = Decimal(str(round(TAPE.symbol("ETHUSDT").price(BEGIN) * 0.9)))
    amount = Decimal("0.1")
    stop = Ticket("ETHUSDT", "SELL", "STOP_MARKET", amount, stop=level, reduce_only=True)
    play.loop(100)
    with pytest.raises(BadRequest) as refused:
        venue.submit(stop, BEGIN)
    assert refused.value.code == -4120
    play.loop(200)
    assert venue.submit(stop, BEGIN).is_open


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_position_is_liquidated_where_the_price_jumps_beyond_what_it_bears(
    play: Play, side: str
) -> None:
    play.venue = venue = futures_account()
    venue.submit(Ticket("ETHUSDT", side, "MARKET", Decimal("0.1")), BEGIN)
    play.begin(Incident(Fault.LIQUIDATION, BEGIN, factor=0.5))
    play.loop(BEGIN + HOUR // 2)
    assert venue.forced == set(), "it may be closed before the next candle opens"
    play.loop(BEGIN + HOUR - 900_000)
    assert venue.forced == {"ETHUSDT"}
    assert play.exchange.tape is venue.tape
    venue.advance(BEGIN + HOUR + 2)
    assert venue.position("ETHUSDT").amount == 0
    assert venue.orders[-1].client_id == "autoclose-1"


def test_a_delisting_cancels_what_is_open(play: Play) -> None:
    price = Decimal(str(TAPE.symbol("BTCUSDT").price(BEGIN)))
    asked = Ticket("BTCUSDT", "BUY", "LIMIT", Decimal("0.001"), limit=(price / 2).quantize(1))
    order = play.venue.submit(asked, BEGIN)
    play.begin(Incident(Fault.DELISTED, BEGIN, pair="BTC/USDT"))
    play.loop(BEGIN)
    assert order.status == "CANCELED"
    assert play.venue.closed == {"BTCUSDT"}


@pytest.mark.parametrize(("kinds", "gone"), [({Fault.LATE}, "ETHUSDT"), (set(), "BTCUSDT")])
def test_a_symbol_vanishes_whose_order_has_no_answer_yet(
    play: Play, kinds: set[Fault], gone: str
) -> None:
    play.faults.kinds = frozenset(kinds)
    play.begin(Incident(Fault.DELISTED, BEGIN, pair="BTC/USDT", way="gone"))
    play.faults.strikes.append(Strike(Fault.LATE, 1, 1, Call("GET", "/", "ETHUSDT")))
    play.loop(BEGIN)
    assert play.venue.vanished == ({gone} if not kinds else set())
    call = Call("POST", "/", "ETHUSDT", signed=True, order="LIMIT")
    play.faults.strikes.append(Strike(Fault.LATE, 2, 1, call))
    play.loop(BEGIN + 1)
    assert play.venue.vanished == play.venue.closed == {gone}


@pytest.mark.parametrize(
    ("call", "share", "asked"),
    [
        ("forceenter", 0.1, ("enter", "BTC/USDT", "long", "market")),
        ("forceenter", 0.9, ("enter", "BTC/USDT", "long", "limit")),
        ("forceexit", 0.1, ("exit", 3, "market")),
        ("forceexit", 0.9, ("exit", 7, "limit")),
        ("forceexit all", 0.1, ("exit", "all", "market")),
        ("stop", 0.1, ("stop",)),
        ("reload", 0.1, ("reload",)),
    ],
)
def test_a_call_is_made_whole_before_the_next_loop(
    play: Play, call: str, share: float, asked: tuple[Any, ...]
) -> None:
    play.begin(Incident(Fault.RPC_FORCE, 100, pair="BTC/USDT", call=call, share=share))
    assert play.loop(100) is None
    assert play.client.asked == [asked]
    play.loop(101)
    assert play.client.asked == [asked, *([("start",)] if call == "stop" else [])]


def test_a_bot_that_dies_under_a_call_does_not_end_the_session(play: Play) -> None:
    play.client.dead = True
    play.begin(Incident(Fault.RPC_FORCE, 100, pair="BTC/USDT", call="forceenter"))
    play.loop(100)
    assert play.player is not None
    assert [strike.fault for strike in play.player.met] == [Fault.RPC_FORCE]


@pytest.mark.parametrize("excuse", ["", "strike", "delisted", "unanswered", "lost before", "clock"])
def test_a_call_that_breaks_within_the_bot_is_a_breach(play: Play, excuse: str) -> None:
    def broken(tradeid: Any, ordertype: str | None = None) -> None:
        if excuse == "strike":
            play.faults.strikes.append(Strike(Fault.LOST, 1, 1, Call("GET", "/")))
        raise requests.JSONDecodeError("Internal Server Error", "", 0)

    play.client.forceexit = broken  # type: ignore[method-assign]
    if excuse == "delisted":
        play.venue.closed.add("ETHUSDT")
    if excuse in ("unanswered", "lost before"):  # of the loop that ends
        fault = Fault.LATE if excuse == "unanswered" else Fault.LOST
        play.faults.strikes.append(Strike(fault, 1, 1, Call("POST", "/", "ETHUSDT")))
    if excuse == "clock":
        play.clock.ahead = 3_600.0
    play.begin(Incident(Fault.RPC_FORCE, 100, pair="BTC/USDT", call="forceexit all"))
    play.loop(100)
    assert play.player is not None
    assert [b.rule for b in play.player.breaches] == (
        ["call"] if excuse in ("", "lost before") else []
    )


def test_a_call_that_races_leaves_its_order_on_the_wire(play: Play) -> None:
    """Until the exchange has it the loop's end waits, and then no longer."""
    incident = Incident(Fault.RPC_FORCE, 100, pair="BTC/USDT", call="forceexit all", races=True)
    play.begin(incident)

    async def two_loops() -> tuple[float | None, float | None]:
        player, loop = play.player, asyncio.get_running_loop()
        assert player is not None
        hold = asyncio.Event()

        def slow(tradeid: Any, ordertype: str | None = None) -> None:
            race = play.exchange.race
            assert race is not None
            loop.call_soon_threadsafe(race.accepted.set)
            asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(10)
            play.client.asked.append(tradeid)

        play.client.forceexit = slow  # type: ignore[method-assign]
        first = await player.loop_ended(play.exchange, 100)
        assert play.client.asked == []
        hold.set()
        return first, await player.loop_ended(play.exchange, 101)

    assert asyncio.run(two_loops()) == (playing.RACE_SLEEP, None)
    assert play.client.asked == ["all"]
    assert play.exchange.race is None


def test_a_bad_config_is_put_right_before_the_next_loop_or_start(play: Play) -> None:
    sound = {"freqpilot": {"store": {"url": "x"}}, "more": 1}
    (play.folder / OVERLAY).write_text(json.dumps(sound), encoding="utf-8")
    play.begin(Incident(Fault.RPC_FORCE, 100, call="reload badly"))
    play.loop(100)
    spoilt = json.loads((play.folder / OVERLAY).read_text(encoding="utf-8"))
    assert spoilt["freqpilot"]["risk"] == {"no_such_limit": 1}
    assert spoilt["more"] == 1
    assert play.player is not None
    play.player.end_due(101)
    assert json.loads((play.folder / OVERLAY).read_text(encoding="utf-8")) == sound


def test_a_second_bot_waits_for_a_loop_without_a_fault(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[float, str, bool]] = []

    def second(_folder: Path, _url: str, now: float, database: str) -> int:
        started.append((now, database, play.exchange.calm))
        return 2

    monkeypatch.setattr(playing, "play_second", second)
    (play.folder / OVERLAY).write_text('{"api_server": {}, "dry_run": false}', encoding="utf-8")
    play.begin(Incident(Fault.SECOND_BOT, 1_000, share=0.9))
    play.faults.strikes.append(Strike(Fault.LOST, 1, 1, Call("GET", "/")))
    play.loop(2_000)
    assert started == []
    play.loop(3_000)
    assert started == [(3.0, "second.sqlite", True)]
    assert not play.exchange.calm
    assert json.loads((play.folder / "second.json").read_text()) == {"dry_run": False}
    assert play.player is not None
    assert play.player.breaches == []


TABLES: dict[str, list[dict[str, Any]]] = {"trades": [{"id": 1}], "risk_state": []}
CHANGED = [
    (2, Belongings(3, TABLES), []),
    (0, Belongings(3, TABLES), ["was not refused"]),
    (2, Belongings(5, TABLES), ["2 orders were sent"]),
    (2, Belongings(3, {**TABLES, "trades": []}), ["trades was changed"]),
]


@pytest.mark.parametrize(("status", "after", "texts"), CHANGED)
def test_a_second_bot_must_be_refused_and_change_nothing(
    status: int, after: Belongings, texts: list[str]
) -> None:
    found = list(breaches_of(status, Belongings(3, TABLES), after, "trades.sqlite", 0))
    assert [breach.rule for breach in found] == ["second bot"] * len(texts)
    assert all(text in breach.text for text, breach in zip(texts, found, strict=True))
