"""Lets a session's incidents happen, at the ends of the bot's loops.

While the bot waits for the answer to its loop's end, what is done here is done whole before its
next loop; only a call that races leaves its order on the wire until that loop has begun.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import requests

from freqpilot.rehearsal.books.report import Meanwhile
from freqpilot.rehearsal.books.spot import Breach
from freqpilot.rehearsal.faults import machine
from freqpilot.rehearsal.faults.client import CALL_SECONDS, Client
from freqpilot.rehearsal.faults.incidents import Incident
from freqpilot.rehearsal.faults.requests import Call, Fault, FaultPlan, Strike
from freqpilot.rehearsal.faults.second import (
    SECOND_DATABASE,
    SECOND_OVERLAY,
    Belongings,
    breaches_of,
    play_second,
)
from freqpilot.rehearsal.market.distorted import Distortions
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.session import DATABASE, OVERLAY
from freqpilot.rehearsal.venue import distress
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.perpetuals import future_name
from freqpilot.rehearsal.venue.spot import Venue

STORE_FAULTS = {
    Fault.STORE_LOCKED: machine.lock,
    Fault.STORE_DOWN: machine.take_away,
    Fault.STORE_FULL: machine.fill_disk,
}
UNANSWERED = frozenset({Fault.LATE, Fault.TIMEOUT})
"""Faults that leave an order's fate open until a later loop."""
RACE_SECONDS = 0.5
"""Real seconds for which an answer is held back when the bot's own thread asks nothing."""
RACE_SLEEP = 1.0
"""Virtual seconds until the loop that a call races with."""
REQUEST_FAULTS = (requests.RequestException, ValueError, TypeError, KeyError)
"""What Freqtrade's client raises when the bot dies under its hands or refuses in words."""


class Race:
    """Holds back the answer to one order until the bot's own thread has asked something."""

    def __init__(self) -> None:
        self.accepted = asyncio.Event()
        self._released = asyncio.Event()

    async def hold(self) -> None:
        """Wait until the answer may go."""
        self.accepted.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), RACE_SECONDS)

    def request(self) -> None:
        """Take note of a signed request: while the answer is held, it is the bot's own thread's."""
        if self.accepted.is_set():
            self._released.set()


class Stage(Protocol):
    """What is needed of the exchange while an incident is played."""

    race: Race | None
    calm: bool
    distorted: Distortions
    tape: Tape

    @property
    def url(self) -> str:
        """Base address."""

    def end_bot(self) -> None:
        """Kill the bot's process."""


class WrongClock(Protocol):
    """The clock of the bot's machine."""

    ahead: float


class IncidentPlayer:
    """Plays the incidents of one session.

    :param client: makes what talks to the bot's REST API.
    :param store: the bot's SQLite store.
    :param clock: what a clock that jumps is set by.
    """

    def __init__(
        self,
        incidents: Sequence[Incident],
        venue: Venue,
        faults: FaultPlan,
        run_dir: Path,
        store: Path,
        client: Callable[[], Client] | None = None,
        *,
        futures: bool = False,
        clock: WrongClock | None = None,
    ) -> None:
        self._coming, self._venue, self._faults = list(incidents), venue, faults
        self._run_dir, self._store, self._client, self._futures = run_dir, store, client, futures
        self._ends: list[tuple[int, Callable[[], None]]] = []
        self._out: set[int] = set()
        self._wire: asyncio.Future[None] | None = None
        self._strikes = 0
        self._fresh: list[Strike] = []
        self._store_was_out = False
        self._clock = clock
        self._ticked: frozenset[str] = frozenset()
        self._called = False
        self._was_wrong = False
        self._again: list[Incident] = []
        self.met: list[Strike] = []
        self._copies: list[tuple[int, Callable[[], None]]] = []
        self._restore: Callable[[], None] | None = None
        self._new_copy = False
        self.restored = 0
        """When (ms) the store was put back to an older one, last."""
        self.calls = 0
        """How often a person has called: a call may load the config anew."""
        self.breaches: list[Breach] = []

    async def loop_ended(self, exchange: Stage, now: int) -> float | None:
        """Let one thing that is due happen; returns the seconds until the next loop where they
        matter."""
        await self.arrive(exchange)
        self._was_wrong = self._clock is not None and bool(self._clock.ahead)
        self.end_due(now)
        self._fresh = self._faults.strikes[self._strikes :]
        calm, self._strikes = not self._fresh, len(self._faults.strikes)
        self._called, self._ticked = False, frozenset()
        again, self._again = self._again, []
        for tick in again:
            self._tick(exchange, tick, now)
        if self._copies and self._copies[0][0] <= now and not self._out:
            self._restore = self._copies.pop(0)[1]
            exchange.end_bot()
            return None
        incident = self._next(now, calm=calm)
        if incident is None:
            return None
        self._coming.remove(incident)
        self._note(incident, now)
        return await self._play(exchange, incident, now)

    def _next(self, now: int, *, calm: bool) -> Incident | None:
        """Return what is to happen now: the first that is due and has what it needs."""
        for incident in self._coming:
            if incident.begin > now:
                return None
            if self._is_ready(incident, now, calm=calm):
                return incident
        return None

    def _is_ready(self, incident: Incident, now: int, *, calm: bool) -> bool:
        right = self._clock is None or not self._clock.ahead
        if incident.fault is Fault.SECOND_BOT:
            return calm and right  # the first bot's heartbeat has to be fresh
        if incident.fault is Fault.BAD_TICK:
            return right and bool(distress.positions(self._venue, now))
        if incident.way == "gone":
            return bool(self._vanishing(incident))
        if incident.fault is Fault.STORE_RESTORED or incident.fault in STORE_FAULTS:
            return not self._out  # one after the other: one that holds the store keeps others out
        if incident.fault is Fault.LIQUIDATION:
            return distress.is_sudden(now) and bool(distress.positions(self._venue, now))
        return True

    async def arrive(self, exchange: Stage) -> None:
        """Let the call that is on the wire come to its end."""
        if self._wire is not None:
            await asyncio.wait_for(self._wire, CALL_SECONDS)
        self._wire = exchange.race = None

    def store_was_out(self) -> bool:
        """Tell whether the store was out since this was asked last."""
        was = self._store_was_out
        self._store_was_out = bool(self._out)
        return was or self._store_was_out

    def meanwhile(self) -> Meanwhile:
        """Return what has happened since this was asked last; to be asked at a loop's end, before
        :meth:`loop_ended`."""
        ahead = 0.0 if self._clock is None else self._clock.ahead
        older, self._new_copy = self._new_copy, False
        return Meanwhile(self.store_was_out(), ahead, self._ticked, self._called, older)

    def end_due(self, now: int) -> None:
        """End what is over by ``now``."""
        due = [end for at, end in self._ends if at <= now]
        self._ends = [entry for entry in self._ends if entry[0] > now]
        for end in due:
            end()

    def restart(self, now: int) -> None:
        """End what is over when the bot is started again, and put its store back where it was
        stopped for that."""
        self.end_due(now)
        if self._restore is not None:
            self._restore()
            self._restore, self.restored, self._new_copy = None, now, True

    def close(self) -> None:
        """End everything."""
        self.end_due(2**63)

    async def _play(self, exchange: Stage, incident: Incident, now: int) -> float | None:
        if incident.fault is Fault.RPC_FORCE:
            return await self._call(exchange, incident, now)
        if incident.fault is Fault.SECOND_BOT:
            await self._start_second(exchange, incident, now)
        elif incident.fault in STORE_FAULTS:
            self._until(incident.end, STORE_FAULTS[incident.fault](self._store))
        elif incident.fault is Fault.STORE_RESTORED:
            self._copies.append((incident.end, machine.back_up(self._store)))
        elif incident.fault is Fault.DELISTED:
            symbol = self._vanishing(incident)
            self._venue.delist(symbol, now, vanish=incident.way == "gone")
        elif incident.fault is Fault.CLOCK_JUMP:
            self._jump_clock(incident)
        elif incident.fault is Fault.BAD_TICK:
            self._tick(exchange, incident, now)
        elif incident.fault is Fault.LATE_CANDLES:
            self._delay_candles(incident)
        elif incident.fault is Fault.VENUE_CHANGE:
            self._move_stops(incident)
        elif incident.fault is Fault.LIQUIDATION:
            self._liquidate(exchange, incident, now)
        return None

    def _note(self, incident: Incident, now: int) -> None:
        call = Call("", "", symbol=incident.pair)
        request = self._faults.requests
        self.met.append(Strike(incident.fault, request, now, call, str(incident)))

    def _until(self, end: int, undo: Callable[[], None]) -> None:
        """Leave the store as it is now until ``end``."""
        self._out.add(end)
        self._store_was_out = True

        def over() -> None:
            undo()
            self._out.discard(end)

        self._ends.append((end, over))

    async def _start_second(self, exchange: Stage, incident: Incident, now: int) -> None:
        database = DATABASE if incident.share < 0.5 else SECOND_DATABASE
        self._write_second_overlay()
        before = self._belongings()
        exchange.calm = True
        run = asyncio.get_running_loop().run_in_executor
        status = await run(None, play_second, self._run_dir, exchange.url, now / 1000, database)
        exchange.calm = False
        self.breaches.extend(breaches_of(status, before, self._belongings(), database, now))

    def _belongings(self) -> Belongings:
        return Belongings.of(self._venue, self._store, self._run_dir / DATABASE)

    def _write_second_overlay(self) -> None:
        """Write the second bot's layer: the first one's, without the port that is taken."""
        overlay = json.loads((self._run_dir / OVERLAY).read_text(encoding="utf-8"))
        for door in ("api_server", "webhook"):
            overlay.pop(door, None)
        _write(self._run_dir / SECOND_OVERLAY, json.dumps(overlay))

    # the clock, the exchange

    def _vanishing(self, incident: Incident) -> str:
        """Return the symbol that is delisted. One that vanishes is that of an order whose answer
        is out, where orders may have none; empty while there is none."""
        if incident.way == "gone" and self._faults.kinds & UNANSWERED:
            found = [each.call for each in self._fresh if each.fault in UNANSWERED]
            return next((call.symbol for call in found if call.order), "")
        return incident.pair.replace("/", "")

    def _jump_clock(self, incident: Incident) -> None:
        clock = self._clock
        if clock is None:
            return
        clock.ahead = incident.factor

        def right() -> None:
            clock.ahead = 0.0

        self._ends.append((incident.end, right))

    def _tick(self, exchange: Stage, incident: Incident, now: int) -> None:
        """Quote positions wrongly at the next look, all of them or one; the candles can be had, or
        not where the look is the only one."""
        held = sorted(distress.positions(self._venue, now))
        if incident.share >= 0.5 and held:
            held = [held[int((2 * incident.share - 1) * len(held))]]
        wrong, silent = exchange.distorted.wrong, exchange.distorted.silent
        wrong.update(dict.fromkeys(held, incident.factor))
        if incident.way == "silent":
            silent.update(held)
        self._ticked = frozenset(held)

        def over() -> None:
            for symbol in held:
                wrong.pop(symbol, None)
                silent.discard(symbol)

        self._ends.append((now + 1, over))
        if incident.way == "twice":
            self._again.append(replace(incident, begin=now + 1, way="once"))

    def _delay_candles(self, incident: Incident) -> None:
        late, symbol = self._venue.late, incident.pair.replace("/", "")
        late[symbol] = int(incident.factor * 1000)

        def over() -> None:
            late.pop(symbol, None)

        self._ends.append((incident.end, over))

    def _move_stops(self, incident: Incident) -> None:
        venue = self._venue
        if not isinstance(venue, FuturesVenue):
            return
        venue.stop_home = "nowhere" if incident.way == "nowhere" else "plain"

        def back() -> None:
            venue.stop_home = "algo"

        self._ends.append((incident.end, back))

    def _liquidate(self, exchange: Stage, incident: Incident, now: int) -> None:
        """Let the price jump beyond the liquidation price of a position."""
        venue, held = self._venue, sorted(distress.positions(self._venue, now).items())
        if not isinstance(venue, FuturesVenue):
            return
        symbol, sign = held[int(incident.share * len(held))]
        hours = 1 + int(incident.factor * 5)
        tape = distress.jump_beyond(venue.tape, symbol, sign, now, hours, incident.factor)
        exchange.tape = venue.tape = tape
        venue.forced.add(symbol)

    # the REST API

    async def _call(self, exchange: Stage, incident: Incident, now: int) -> float | None:
        if self._client is None:
            return None
        self._called = True
        self.calls += 1
        race = exchange.race = Race() if incident.races else None
        if incident.call == "reload badly":
            self._ends.append((now + 1, self._spoil_config()))
        if incident.call == "stop":
            self._ends.append((now + 1, self._start_again))
        self._wire = asyncio.get_running_loop().run_in_executor(None, self._ask, incident)
        if race is not None:
            accepted = asyncio.ensure_future(race.accepted.wait())
            either: list[asyncio.Future[Any]] = [self._wire, accepted]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            accepted.cancel()
            if not self._wire.done():
                return RACE_SLEEP
        await self.arrive(exchange)
        return None

    def _ask(self, incident: Incident) -> None:
        """Make a call as a person would; what it answers is the bot's matter."""
        assert self._client is not None
        client, strikes = self._client(), len(self._faults.strikes)
        name, way = incident.call, "market" if incident.share < 0.5 else "limit"
        try:
            if name == "stop":
                client.stop()
            elif name.startswith("reload"):
                client.reload_config()
            elif name == "forceexit all":
                client.forceexit("all", way)
            elif name == "forceexit":
                trades = sorted(trade["trade_id"] for trade in client.status())
                if trades:
                    client.forceexit(trades[int(incident.share * len(trades))], way)
            else:
                pair = future_name(incident.pair) if self._futures else incident.pair
                side = "short" if self._futures and incident.share * 4 % 1 < 0.5 else "long"
                client.forceenter(pair, side, order_type=way)
        except requests.JSONDecodeError:  # a refusal is JSON: something broke inside
            if not self._is_excused() and strikes == len(self._faults.strikes):
                at = datetime.fromtimestamp(incident.begin / 1000, UTC)
                text = f"{incident} broke within the bot, after {at:%Y-%m-%d %H:%M:%S}"
                self.breaches.append(Breach("call", text))
        except REQUEST_FAULTS:
            pass

    def _is_excused(self) -> bool:
        """Tell whether a call may fail: the store is out, a pair is gone, the exchange takes no
        request of a clock that was wrong in this loop (the bot's is right again in the next one),
        or an order's answer is out, and none is sent twice."""
        unanswered = any(each.fault in UNANSWERED for each in self._fresh)
        return bool(self._out or self._venue.closed) or self._was_wrong or unanswered

    def _start_again(self) -> None:
        assert self._client is not None
        with suppress(*REQUEST_FAULTS):
            self._client().start()

    def _spoil_config(self) -> Callable[[], None]:
        """Make the bot's config one that no bot may start with."""
        path = self._run_dir / OVERLAY
        sound = path.read_text(encoding="utf-8")
        spoilt = json.loads(sound)
        spoilt["freqpilot"] = {**spoilt["freqpilot"], "risk": {"no_such_limit": 1}}
        path.write_text(json.dumps(spoilt), encoding="utf-8")
        return lambda: _write(path, sound)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
