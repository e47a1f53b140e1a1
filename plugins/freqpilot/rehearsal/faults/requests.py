"""Faults of an exchange, drawn from a seed: what fails when a bot least expects it.

Each draw is a hash of the seed, the kind, the route and how often the route was asked, so that a
failing seed replays exactly however the answers interleave.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from freqpilot.errors import RefuseToStart


class Fault(StrEnum):
    """What can happen to a request."""

    LOST = "lost"
    """The order is accepted, its answer never arrives."""
    LATE = "late"
    """No answer; the order is accepted seconds later, within its receive window."""
    TIMEOUT = "timeout"
    """No answer, and the order never arrives."""
    REJECT = "reject"
    """The order is refused, for its balance or for a filter."""
    STOP = "stop"
    """A stop order is refused."""
    PARTIAL = "partial"
    """The order is filled by half, then the exchange cancels the rest."""
    OUTAGE = "outage"
    """Every request is answered 503 for a while; some orders are accepted all the same."""
    LIMIT = "limit"
    """429: too many requests."""
    KILL = "kill"
    """The bot is killed (SIGKILL) before the request is looked at, or after and before its
    answer."""
    RPC_FORCE = "rpc_force"
    """A person forces entries and exits, stops, starts and reloads by the bot's REST API."""
    SECOND_BOT = "second_bot"
    """Another bot is started on the same store, at times on the same trades database."""
    STORE_LOCKED = "store_locked"
    """Another connection holds the store's write lock for some loops."""
    STORE_DOWN = "store_down"
    """The store can be neither read nor written for some loops."""
    GAP = "gap_through_stop"
    """The price jumps beyond stops and their limits from one candle to the next."""
    DELISTED = "delisted"
    """A pair is not traded any more: no price, no order, its open orders are cancelled (spot)."""
    STORE_FULL = "store_full"
    """The disk that the store is on is full for some loops: it can be read, and takes nothing."""
    CLOCK_JUMP = "clock_jump"
    """The machine's clock is hours or days ahead for some loops, then right again."""
    BAD_TICK = "bad_tick"
    """The account is looked at by a price of the book that is wrong by far: once, or, where the
    candles deny it, twice."""
    LATE_CANDLES = "late_candles"
    """The newest candles of some pairs come late."""
    VENUE_CHANGE = "venue_change"
    """Stop orders are not taken any more where they were, for a while or for good (futures)."""
    LIQUIDATION = "liquidation"
    """The price jumps beyond a position's liquidation price, and the exchange closes it
    (futures)."""
    STORE_RESTORED = "store_restored"
    """The bot is stopped and its store put back to what it was hours before."""


ORDER_FAULTS = (Fault.LOST, Fault.LATE, Fault.TIMEOUT, Fault.REJECT, Fault.STOP, Fault.PARTIAL)
INCIDENTS = (
    Fault.RPC_FORCE,
    Fault.SECOND_BOT,
    Fault.STORE_LOCKED,
    Fault.STORE_DOWN,
    Fault.GAP,
    Fault.DELISTED,
    Fault.STORE_FULL,
    Fault.CLOCK_JUMP,
    Fault.BAD_TICK,
    Fault.LATE_CANDLES,
    Fault.VENUE_CHANGE,
    Fault.LIQUIDATION,
    Fault.STORE_RESTORED,
)
"""What happens between two loops or to the market; see
:mod:`freqpilot.rehearsal.faults.incidents`."""
BY_NAME_ALONE = frozenset({Fault.STORE_RESTORED})
"""Faults that ``all`` leaves out: a person who restores a store knows that it is of before."""
RATES = {
    Fault.LOST: 0.10,
    Fault.LATE: 0.06,
    Fault.TIMEOUT: 0.06,
    Fault.REJECT: 0.06,
    Fault.STOP: 0.10,
    Fault.PARTIAL: 0.06,
    Fault.OUTAGE: 0.0,
    Fault.LIMIT: 0.01,
    Fault.KILL: 0.008,
    **dict.fromkeys(INCIDENTS, 0.0),
}
"""Share of the requests that a fault can meet: new orders, any request, signed requests."""
OUTAGE_EVERY_HOURS = 16.0
OUTAGE_MINUTES = (5.0, 45.0)
HOUR_MS = 3_600_000


def parse_faults(text: str) -> frozenset[Fault]:
    """Return the faults of a list such as ``lost,kill``; ``all`` and ``none`` are understood.

    :raises RefuseToStart: for an unknown name.
    """
    if text in ("", "none"):
        return frozenset()
    if text == "all":
        return frozenset(Fault) - BY_NAME_ALONE
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in tuple(Fault)]
    if unknown:
        raise RefuseToStart(
            f"there is no fault {', '.join(unknown)}; choose from {', '.join(Fault)}, all, none"
        )
    return frozenset(Fault(name) for name in names)


@dataclass(frozen=True)
class Call:
    """A request as a fault sees it: ``order`` is the kind of a new order, empty for others."""

    method: str
    path: str
    symbol: str = ""
    signed: bool = False
    order: str = ""

    @property
    def is_stop(self) -> bool:
        """Whether it places a stop order."""
        return self.order.startswith("STOP")


@dataclass(frozen=True)
class Strike:
    """A fault that struck: at which request of the run, when (ms), and how far along the request
    was (``before`` or ``after`` it was carried out)."""

    fault: Fault
    request: int
    time: int
    call: Call
    moment: str = ""

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.time / 1000, UTC)
        what = f"{self.call.method} {self.call.path} {self.call.symbol} {self.call.order}".strip()
        return f"{at:%Y-%m-%d %H:%M:%S} request {self.request}: {self.fault} {self.moment} {what}"


@dataclass
class FaultPlan:
    """Which fault meets which request.

    ``kill_at`` names one request (counted from 1, by the order in which they come) at which the bot
    is killed, besides what ``kinds`` draw; ``kill_after`` says whether it was carried out by then.
    From ``until`` (ms) on nothing fails any more. Within ``down`` (ms) no request is answered.
    """

    kinds: frozenset[Fault] = frozenset()
    seed: int = 0
    kill_at: int = 0
    kill_after: bool = False
    until: int = 2**62
    down: tuple[int, int] | None = None
    calls: list[Call] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """How many requests have come."""
        return len(self.calls)

    def strike(self, call: Call, now: int) -> Strike | None:
        """Return the fault that meets this request, or None."""
        self.calls.append(call)
        if now >= self.until:
            return None
        name = f"{call.method} {call.path} {call.symbol} {call.order}"
        self._asked[name] += 1
        if self.requests == self.kill_at:
            return self._struck(Fault.KILL, call, now, "after" if self.kill_after else "before")
        if self._out(now):
            lands = call.order and self._draw("lands", name) < 0.5
            return self._struck(Fault.OUTAGE, call, now, "after" if lands else "before")
        for fault in self._eligible(call):
            if self._draw(fault, name) < RATES[fault]:
                late = self._draw("moment", name) < 0.5
                return self._struck(fault, call, now, "after" if late else "before")
        return None

    def share(self, name: str, request: int) -> float:
        """Return a number 0…1 that belongs to one request."""
        return self._hash(f"{name} {request}")

    def draw(self, name: str) -> float:
        """Return a number 0…1 that belongs to a name, whatever the requests were."""
        return self._hash(name)

    def _eligible(self, call: Call) -> Iterable[Fault]:
        if call.order:
            yield from (f for f in ORDER_FAULTS if f in self.kinds and self._fits(f, call))
        if Fault.LIMIT in self.kinds:
            yield Fault.LIMIT
        # Unsigned requests of several pairs come in any order: a kill would not replay.
        if Fault.KILL in self.kinds and call.signed:
            yield Fault.KILL

    @staticmethod
    def _fits(fault: Fault, call: Call) -> bool:
        if fault is Fault.STOP:
            return call.is_stop
        if fault in (Fault.REJECT, Fault.PARTIAL):
            return not call.is_stop
        return True

    def _out(self, now: int) -> bool:
        """Tell whether the exchange is down at ``now``: in its one stretch, or at most one in each
        period."""
        if self.down is not None and self.down[0] <= now < self.down[1]:
            return True
        if Fault.OUTAGE not in self.kinds:
            return False
        period, inside = divmod(now, int(OUTAGE_EVERY_HOURS * HOUR_MS))
        least, most = OUTAGE_MINUTES
        length = (least + (most - least) * self._hash(f"length {period}")) * 60_000
        begin = self._hash(f"begin {period}") * (OUTAGE_EVERY_HOURS * HOUR_MS - length)
        return begin <= inside < begin + length

    def _struck(self, fault: Fault, call: Call, now: int, moment: str) -> Strike:
        strike = Strike(fault, self.requests, now, call, moment)
        self.strikes.append(strike)
        return strike

    def _draw(self, what: str, name: str) -> float:
        return self._hash(f"{what} {name} {self._asked[name]}")

    def _hash(self, text: str) -> float:
        digest = hashlib.blake2b(f"{self.seed} {text}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
