"""Lets a scenario strike: not before the bot is warm and, if it can be, when its book is full."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from freqpilot.rehearsal.faults.playing import IncidentPlayer, Stage
from freqpilot.rehearsal.faults.scenarios import Scenario
from freqpilot.rehearsal.intervals import HOUR_MS
from freqpilot.rehearsal.market import stressed
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue import distress
from freqpilot.rehearsal.venue.spot import MIN_NOTIONAL, ZERO

SUDDEN_MS = 31 * 60_000
"""How near the next hour has to be for what is held to be held still when it strikes."""
HASTE = ((2.0, 120.0), (12.0, 300.0))
"""Up to so many hours after a strike the bot's loops are at most so many seconds apart; the second
holds while the price is on its path."""
Account = Callable[[int], Decimal]
PEG_VOLUME = 1e6
"""What is traded of a stablecoin in a candle."""


@dataclass
class Struck:
    """What was seen around a strike. ``at`` is when it struck (ms, None: not yet); ``held`` the
    pairs that were held then, the largest position first, ``exposed`` what they were worth;
    ``equity`` is the account by the time of each loop's end, ``naked`` how often a position was
    found without a stop or an exit at a loop's end, by pair, from the strike on."""

    at: int | None = None
    held: tuple[str, ...] = ()
    exposed: Decimal = ZERO
    equity: dict[int, Decimal] = field(default_factory=dict)
    naked: dict[str, int] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    """Pairs that were naked at the last look."""
    stuck: tuple[str, ...] = ()
    """Pairs that were held at the last look and are not traded any more."""


@dataclass(frozen=True)
class Play:
    """A scenario as a session is to play it, and how far each pair moves.

    ``window``: hours after the session's begin from which it strikes when all of the bot's
    ``slots`` are taken, from which when it holds anything, and at which whatever it holds.
    """

    scenario: Scenario
    window: tuple[float, float, float]
    slots: int
    moves: Mapping[str, float]

    def prepare(self, tape: Tape) -> Tape:
        """Return the market with what the scenario needs besides the pairs that are traded: where
        the stake currency is to lose its peg, another one that keeps it."""
        stake = next(iter(tape.pairs)).split("/")[1]
        peg = f"{'USDC' if stake == 'USDT' else 'USDT'}/{stake}"
        if not self.scenario.depeg or peg in tape.pairs:
            return tape
        return stressed.with_pair(tape, peg, 1.0, PEG_VOLUME)


@dataclass(frozen=True)
class Look:
    """How the account is looked at: its ``equity`` at a time (ms), whether a symbol ``is_naked``
    then."""

    equity: Account
    is_naked: Callable[[str, int], bool]


class ScenarioPlayer(IncidentPlayer):
    """Plays one scenario in a session.

    :param play: what happens.
    :param begin: when the session begins (ms).
    :param watch: how the account is looked at.
    """

    def __init__(self, play: Play, begin: int, watch: Look, **player: Any) -> None:
        super().__init__([], **player)
        self._scenario, self._moves, self._watch = play.scenario, play.moves, watch
        self._slots = play.slots
        self._window = tuple(begin + int(hours * HOUR_MS) for hours in play.window)
        self._due: list[tuple[int, Callable[[int], None]]] = []
        self.struck = Struck()

    async def loop_ended(self, exchange: Stage, now: int) -> float | None:
        """Look at the account, and let what is due happen."""
        sleep = await super().loop_ended(exchange, now)
        self._look(now)
        due = [act for at, act in self._due if at <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for act in due:
            act(now)
        if self.struck.at is None and self._is_time(now):
            self._strike(exchange, now)
        return self._haste(now) if sleep is None else sleep

    def _look(self, now: int) -> None:
        equity = self._watch.equity(now)
        if self._scenario.closed is not None:  # what is not traded for hours is not worth nothing
            equity += sum((self._worth(symbol, now) for symbol in self._venue.closed), ZERO)
        self.struck.equity[now] = equity
        if self.struck.at is None:
            return
        held = distress.positions(self._venue, now)
        worth = {symbol: self._worth(symbol, now) for symbol in sorted(self._venue.closed)}
        closed = (symbol for symbol, value in worth.items() if value >= MIN_NOTIONAL)
        self.struck.stuck = tuple(self._venue.tape.symbol(symbol).pair for symbol in closed)
        pairs = {symbol: self._venue.tape.symbol(symbol).pair for symbol in held}
        found = [pair for symbol, pair in pairs.items() if self._watch.is_naked(symbol, now)]
        self.struck.left = tuple(found)
        for pair in found:
            self.struck.naked[pair] = self.struck.naked.get(pair, 0) + 1

    def _is_time(self, now: int) -> bool:
        full, anything, latest = self._window
        if now < full or distress.next_hour(now) - now > SUDDEN_MS:
            return False
        wanted = self._slots if now < anything else 1
        return now >= latest or len(distress.positions(self._venue, now)) >= wanted

    def _haste(self, now: int) -> float | None:
        """Return the seconds until the next loop around a strike, in which a real bot would look
        every few seconds; None at other times."""
        at = self.struck.at
        if at is None or self._scenario.recorded is not None:
            return None
        (first, soon), (last, later) = HASTE
        hours = (now - at) / HOUR_MS
        if hours < 0:
            return min(soon, -hours * 3600 + 1)
        if hours <= first:
            return soon
        return later if hours <= min(last, self._scenario.path[-1][0]) else None

    def _strike(self, exchange: Stage, now: int) -> None:
        """Move the market from the next full hour on, and note what happens when."""
        scenario, venue = self._scenario, self._venue
        begin = distress.next_hour(now)
        worth = {symbol: self._worth(symbol, now) for symbol in distress.positions(venue, now)}
        held = sorted(worth, key=lambda symbol: -worth[symbol])
        self.struck.at = begin
        self.struck.held = tuple(venue.tape.symbol(symbol).pair for symbol in held)
        self.struck.exposed = sum(worth.values(), ZERO)
        if scenario.recorded is not None:
            return
        exchange.tape = venue.tape = stressed.moved(
            venue.tape,
            begin,
            scenario.path,
            self._moves,
            volume=scenario.volume,
            as_one=scenario.as_one,
        )
        if scenario.outage is not None:
            first, last = (begin + int(hours * HOUR_MS) for hours in scenario.outage)
            self._faults.down = (first, last)
        if scenario.delisted is not None:
            symbol = held[0] if held else next(iter(venue.tape.pairs.values())).symbol
            at = begin + int(scenario.delisted * HOUR_MS)
            self._due.append((at, lambda then: venue.delist(symbol, then)))
        if scenario.closed is not None:
            self._due.append((begin, self._close))
            self._due.append((begin + int(scenario.closed * HOUR_MS), self._open))

    def _worth(self, symbol: str, now: int) -> Decimal:
        base, _ = self._venue.assets(symbol)
        amount = self._venue.balances.get(base, ZERO)
        position = getattr(self._venue, "position", None)
        if position is not None:
            amount = abs(position(symbol).amount)
        return amount * Decimal(str(self._venue.tape.symbol(symbol).price(now)))

    def _close(self, now: int) -> None:
        for pair in self._venue.tape.pairs.values():
            self._venue.delist(pair.symbol, now)

    def _open(self, now: int) -> None:
        """Trade again, with what the hack has left of every balance."""
        venue = self._venue
        left = Decimal(str(1 - self._scenario.taken))
        for asset, amount in venue.balances.items():
            venue.balances[asset] = (amount * left).quantize(Decimal("0.00000001"))
        for symbol in list(venue.closed):
            venue.relist(symbol)
