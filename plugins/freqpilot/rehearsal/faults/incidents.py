"""What happens to a bot between two loops, or to its market, drawn from a seed.

Faults of single requests are :mod:`freqpilot.rehearsal.faults.requests`'s. Everything here has a
time of the rehearsal at which it begins and ends, so that a seed replays whatever the requests
were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from freqpilot.rehearsal.faults.requests import HOUR_MS, INCIDENTS, Fault, FaultPlan
from freqpilot.rehearsal.market.tape import Tape

SHARES = {
    Fault.RPC_FORCE: 0.35,
    Fault.SECOND_BOT: 0.2,
    Fault.STORE_LOCKED: 0.35,
    Fault.STORE_DOWN: 0.35,
    Fault.GAP: 0.35,
    Fault.DELISTED: 0.3,
    Fault.STORE_FULL: 0.3,
    Fault.CLOCK_JUMP: 0.3,
    Fault.BAD_TICK: 0.4,
    Fault.LATE_CANDLES: 0.3,
    Fault.VENUE_CHANGE: 0.3,
    Fault.LIQUIDATION: 0.25,
    Fault.STORE_RESTORED: 0.25,
}
"""Share of the sessions that meet an incident; one that is asked for alone comes in each."""
CALLS = (
    "forceenter",
    "forceenter",
    "forceexit",
    "forceexit",
    "forceexit all",
    "stop",
    "reload",
    "reload badly",
)
CALLS_A_DAY = 8.0
FALLS = (0.05, 0.60)
LEVERED_FALLS = (0.04, 0.30)
"""How far the price jumps (a fraction); on futures below what liquidates at leverage 2."""
BOTH_FALL = 0.5
"""Share of the jumps that meet every pair at once."""
STORE_MINUTES = (10.0, 40.0)
AHEAD_HOURS = (1.0, 72.0)
"""How far a clock jumps ahead."""
AHEAD_MINUTES = (10.0, 50.0)
LOW_TICKS, HIGH_TICKS = (0.40, 0.75), (1.35, 3.00)
"""What a wrong price is of the true one."""
TICK_WAYS = ("once", "silent", "twice")
"""A wrong price comes once, once while the candles cannot be had, or twice while they can."""
LATE_SECONDS = (900.0, 7_200.0)
"""How late candles are."""
RESTORED_HOURS = (6.0, 8.0)
"""How old a store is that is put back."""
SPOT_ONLY = frozenset({Fault.DELISTED})
"""A perpetual that is delisted is settled, which is another matter."""
FUTURES_ONLY = frozenset({Fault.VENUE_CHANGE, Fault.LIQUIDATION})
FOREVER = 2**62
FEW = 2
BEFORE_JUMP_MS, AFTER_JUMP_MS = 20 * 60_000, 2 * 60_000
"""How long before and after a jump a store is out that is to be out then: the loop that sees it."""


@dataclass(frozen=True)
class Incident:
    """One thing that happens: from ``begin`` to ``end`` (ms), to ``pair`` where it is one pair's.

    ``factor`` is what a price jumps by, or how large a fault is in its own unit; ``call`` what is
    asked of the REST API, and ``races`` whether its order is still on the wire when the bot's next
    loop begins; ``share`` (0…1) chooses among what there is then; ``way`` is the kind of a fault
    that has several.
    """

    fault: Fault
    begin: int
    end: int = FOREVER
    pair: str = ""
    factor: float = 1.0
    call: str = ""
    races: bool = False
    share: float = 0.0
    way: str = ""

    def __str__(self) -> str:
        what = [self.call, self.way, self.pair, f"x {self.factor:.3f}" if self.factor != 1 else ""]
        return " ".join(filter(None, [*what, "in a race" if self.races else ""]))


def draw(
    plan: FaultPlan, begin: int, end: int, pairs: Sequence[str], *, futures: bool = False
) -> list[Incident]:
    """Return the incidents of a session between two times (ms), the earliest first.

    One or two kinds that are asked for come in every session, and a store is out when the price
    jumps; of more, each comes in some.

    :param pairs: the tape's names of the pairs that are traded.
    """
    found: list[Incident] = []
    few = len(plan.kinds.intersection(INCIDENTS)) <= FEW
    for fault in INCIDENTS:
        share = 1.0 if few else SHARES[fault]
        if fault in plan.kinds and plan.draw(f"incident {fault}") < share:
            found.extend(_Draw(plan, fault, begin, end, pairs, futures).incidents())
    return sorted(found, key=lambda incident: incident.begin)


def play_jumps(tape: Tape, incidents: Sequence[Incident]) -> Tape:
    """Return the market as its jumps make it."""
    for incident in incidents:
        if incident.fault is Fault.GAP:
            tape = tape.jumped(incident.pair, incident.begin, incident.end, incident.factor)
    return tape


@dataclass(frozen=True)
class _Draw:
    plan: FaultPlan
    fault: Fault
    begin: int
    end: int
    pairs: Sequence[str]
    futures: bool

    def incidents(self) -> Iterator[Incident]:
        if self.fault in (SPOT_ONLY if self.futures else FUTURES_ONLY):
            return
        if self.fault in (Fault.SECOND_BOT, Fault.DELISTED, Fault.LIQUIDATION):
            yield self._once()
            return
        made = {
            Fault.RPC_FORCE: self._calls,
            Fault.GAP: self._jumps,
            Fault.CLOCK_JUMP: self._clock,
            Fault.BAD_TICK: self._ticks,
            Fault.LATE_CANDLES: self._late,
            Fault.VENUE_CHANGE: self._moves,
            Fault.STORE_RESTORED: self._restored,
        }
        yield from made.get(self.fault, self._stretches)()

    def _once(self) -> Incident:
        if self.fault is Fault.SECOND_BOT:
            return Incident(
                self.fault, self._time("when", 0.1, 0.9), share=self._number("database")
            )
        if self.fault is Fault.DELISTED:
            pair = self._choice("pair", self.pairs)
            if self._number("how") < 0.5:  # it waits for an order whose answer is out
                return Incident(self.fault, self._time("when", 0.02, 0.5), pair=pair, way="gone")
            return Incident(self.fault, self._time("when", 0.4, 0.9), pair=pair)
        when, share = self._time("when", 0.1, 0.6), self._number("which")
        return Incident(self.fault, when, factor=self._number("how far"), share=share)

    def _clock(self) -> Iterator[Incident]:
        least, most = AHEAD_HOURS
        hours = least * (most / least) ** self._number("how far")
        minutes = self._between("minutes", AHEAD_MINUTES)
        begin = self._time("when", 0.1, 0.85)
        yield Incident(self.fault, begin, begin + int(minutes * 60_000), factor=round(hours * 3600))

    def _ticks(self) -> Iterator[Incident]:
        for number in range(3):
            low = self._number(f"way {number}") < 0.5
            yield Incident(
                self.fault,
                self._time(f"when {number}", 0.05 + 0.3 * number, 0.35 + 0.3 * number),
                factor=round(self._between(f"size {number}", LOW_TICKS if low else HIGH_TICKS), 3),
                share=self._number(f"which {number}"),
                way=self._choice(f"kind {number}", TICK_WAYS),
            )

    def _late(self) -> Iterator[Incident]:
        begin = self._time("when", 0.1, 0.8)
        end = begin + HOUR_MS * (1 + int(self._number("hours") * 4))
        hit = self.pairs if self._number("both") < BOTH_FALL else [self._choice("pair", self.pairs)]
        for pair in hit:
            late = round(self._between(f"late {pair}", LATE_SECONDS))
            yield Incident(self.fault, begin, end, pair=pair, factor=late)

    def _restored(self) -> Iterator[Incident]:
        begin = self._time("when", 0.02, 0.04)
        end = begin + int(HOUR_MS * self._between("hours", RESTORED_HOURS))
        yield Incident(self.fault, begin, end)

    def _moves(self) -> Iterator[Incident]:
        begin, end = self._time("when", 0.2, 0.7), FOREVER
        if self._number("comes back") < 0.5:
            end = begin + HOUR_MS * (1 + int(self._number("hours") * 5))
        way = "plain" if self._number("where") < 0.5 else "nowhere"
        yield Incident(self.fault, begin, end, way=way)

    def _calls(self) -> Iterator[Incident]:
        count = max(2, round((self.end - self.begin) / (24 * HOUR_MS) * CALLS_A_DAY))
        for number in range(count):
            call = self._choice(f"call {number}", CALLS)
            yield Incident(
                self.fault,
                self._time(f"time {number}", 0.02, 0.95),
                pair=self._choice(f"pair {number}", self.pairs),
                call=call,
                races=call.startswith("force") and self._number(f"race {number}") < 0.5,
                share=self._number(f"share {number}"),
            )

    def _stretches(self) -> Iterator[Incident]:
        least, most = STORE_MINUTES
        for number in range(2):
            begin = self._time(f"begin {number}", 0.05 + 0.45 * number, 0.4 + 0.45 * number)
            if number == 1 and self.plan.kinds == {self.fault, Fault.GAP}:
                jump = replace(self, fault=Fault.GAP)._jump()
                yield Incident(self.fault, jump - BEFORE_JUMP_MS, jump + AFTER_JUMP_MS)
                return
            minutes = least + (most - least) * self._number(f"length {number}")
            yield Incident(self.fault, begin, min(self.end, begin + int(minutes * 60_000)))

    def _jumps(self) -> Iterator[Incident]:
        least, most = LEVERED_FALLS if self.futures else FALLS
        begin, end = self._jump(), FOREVER
        if self._number("comes back") < 0.5:
            end = begin + HOUR_MS * (1 + int(self._number("hours") * 5))
        up = self.futures and self._number("way") < 0.5
        hit = self.pairs
        if self._number("both") >= BOTH_FALL:
            hit = [self._choice("pair", self.pairs)]
        for pair in hit:
            size = least + (most - least) * self._number(f"size {pair}")
            factor = 1 + size if up else 1 - size
            yield Incident(self.fault, begin, end, pair=pair, factor=factor)

    def _jump(self) -> int:
        return self._time("when", 0.3, 0.85) // HOUR_MS * HOUR_MS

    def _time(self, name: str, earliest: float, latest: float) -> int:
        share = earliest + (latest - earliest) * self._number(name)
        return self.begin + int((self.end - self.begin) * share)

    def _between(self, name: str, bounds: tuple[float, float]) -> float:
        least, most = bounds
        return least + (most - least) * self._number(name)

    def _choice(self, name: str, among: Sequence[str]) -> str:
        return among[int(self._number(name) * len(among))]

    def _number(self, name: str) -> float:
        return self.plan.draw(f"{self.fault} {name}")
