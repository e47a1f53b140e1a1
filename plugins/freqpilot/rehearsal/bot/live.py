"""A rehearsal in live mode: the stand-in exchange here, the bot in a process that may be killed.

The bot is the unmodified ``freqtrade trade`` with keys; it moves the clock, the exchange reads it.
When a fault kills the bot it is started anew, as a supervisor of services would, some seconds later
on the virtual clock. At the end the books are compared; see :mod:`freqpilot.rehearsal.books.spot`.
"""

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.books.futures import FuturesBooks
from freqpilot.rehearsal.books.spot import Books, Breach
from freqpilot.rehearsal.books.watchman import DRAWDOWN, FuturesWatchman, Watchman
from freqpilot.rehearsal.bot.run import play_live, user_config, write_overlay
from freqpilot.rehearsal.clock import SharedClock
from freqpilot.rehearsal.exchange.futures import FuturesExchange
from freqpilot.rehearsal.exchange.live import LiveExchange
from freqpilot.rehearsal.faults import incidents
from freqpilot.rehearsal.faults.client import rest_client
from freqpilot.rehearsal.faults.incidents import Incident
from freqpilot.rehearsal.faults.playing import IncidentPlayer
from freqpilot.rehearsal.faults.requests import Fault, FaultPlan, Strike, parse_faults
from freqpilot.rehearsal.faults.striking import Look, Play, ScenarioPlayer, Struck
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import funding_rate, is_futures
from freqpilot.rehearsal.plan.session import (
    CLOCK,
    DATABASE,
    LOG,
    STOP_PATIENCE,
    OnProgress,
    RehearsalOptions,
    RehearsalSummary,
    Watch,
    load_plan,
    prepare,
    terminate_as_interrupt,
)
from freqpilot.rehearsal.plan.stage import Stage, build_stage
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.perpetuals import spot_name
from freqpilot.rehearsal.venue.spot import SpotVenue, Venue, VenueOrder

RESTART_SECONDS = 5.0
"""Virtual seconds from a kill to the next start."""
DRAIN_LOOPS = 3
"""Loops without a fault after the end, a second apart, so that the books are at rest."""
MOST_STARTS = 500
MOST_REFUSED = 12
"""Starts in a row that fail before it is given up."""
LONGEST_PAUSE = 320.0
"""Virtual seconds; each start that fails doubles the pause before the next one, up to this."""
WALLET = 1_000.0
STORE = "freqpilot.sqlite"


@dataclass(frozen=True)
class LiveSummary:
    """What happened in live mode: the bot's ``run``, its orders and fills by the exchange's ledger,
    the faults it met, how often it was killed, differences that reconciliation found, the breaches
    of what must always hold, the ledger itself, the rule of each order that was refused, and when
    (ms) the bot's loops ended. ``unsent`` counts the orders that the exchange did not accept, by
    reason; ``struck`` is what was seen of a scenario."""

    run: RehearsalSummary
    orders: int
    fills: int
    strikes: tuple[Strike, ...]
    kills: int
    differences: tuple[str, ...]
    breaches: tuple[Breach, ...]
    balances: dict[str, Decimal]
    ledger: tuple[VenueOrder, ...] = ()
    refusals: tuple[str, ...] = ()
    loop_ends: tuple[int, ...] = ()
    unsent: Mapping[str, int] = field(default_factory=dict)
    struck: Struck | None = None


def rehearse_live(
    options: RehearsalOptions,
    on_progress: OnProgress = lambda _: None,
    faults: FaultPlan | None = None,
    script: Callable[[int], Sequence[Incident]] | None = None,
    play: Play | None = None,
) -> LiveSummary:
    """Run ``freqtrade trade`` in live mode against the stand-in exchange and compare the books.

    :param faults: in place of those that the options name.
    :param script: the incidents by when the session begins (ms), in place of those that its seed
        draws.
    :param play: the scenario that strikes, with no incident beside it.
    :raises RefuseToStart: for bad options or data, or when Freqtrade itself does not start.
    """
    if options.resume:
        raise RefuseToStart(
            "a rehearsal in live mode cannot be resumed: its exchange ends with it; start it again "
            "with the same seed, which replays it"
        )
    plan_of_faults = faults or FaultPlan(parse_faults(options.faults), options.seed)
    if Fault.RPC_FORCE in plan_of_faults.kinds and not options.api_port:
        options = replace(options, api_port=_free_port())
    run_dir = prepare(replace(options, live=True))
    plan = load_plan(run_dir)
    user = user_config(plan)
    tape, stage = build_stage(plan, user, run_dir)
    begin, end = _ms(stage.begin), _ms(stage.end)
    if script is None:
        pairs = [spot_name(pair) for pair in stage.pairs]
        happens = incidents.draw(plan_of_faults, begin, end, pairs, futures=is_futures(user))
    else:
        happens = list(script(begin))
    session = _Session(run_dir, plan, user, tape, stage, plan_of_faults, happens, play)
    return session.play(on_progress)


class _Session:
    def __init__(
        self,
        run_dir: Path,
        plan: RehearsalOptions,
        user: dict[str, Any],
        tape: Tape,
        stage: Stage,
        faults: FaultPlan,
        happens: Sequence[Incident],
        play: Play | None = None,
    ) -> None:
        self._run_dir, self._plan, self._user, self._stage = run_dir, plan, user, stage
        self._faults = faults
        wallet = Decimal(str(user.get("dry_run_wallet", WALLET)))
        stake = str(user.get("stake_currency", "USDT"))
        futures = is_futures(user)
        self._tape = incidents.play_jumps(tape if play is None else play.prepare(tape), happens)
        store = run_dir / STORE
        limits = user.get("freqpilot", {}).get("risk", {})
        drawdown = Decimal(str(limits.get("drawdown_halt", DRAWDOWN)))
        self._venue: Venue = SpotVenue(self._tape, {stake: wallet})
        self._watchman = Watchman(self._venue, store, drawdown)
        self._books: type[Books] = Books
        if futures:
            rate = funding_rate(user)
            account = FuturesVenue(self._tape, {stake: wallet}, funding_rate=rate)
            self._venue = account
            database = run_dir / DATABASE
            self._watchman = FuturesWatchman(account, store, drawdown, database)
            self._books = FuturesBooks
        self._clock = SharedClock(run_dir / CLOCK)
        self._player = self._player_of(play, happens, store)
        self._child: BaseProcess | None = None
        self._kills = self._refused = self._starts = 0
        self._died: list[Breach] = []
        self._may_end = bool(faults.kinds) or play is not None
        """Whether what happens here may end the bot, so that it is started again."""

    def _player_of(
        self, play: Play | None, happens: Sequence[Incident], store: Path
    ) -> IncidentPlayer:
        port = self._plan.api_port
        given: dict[str, Any] = {
            "venue": self._venue,
            "faults": self._faults,
            "run_dir": self._run_dir,
            "store": store,
            "client": (lambda: rest_client(port)) if port else None,
            "futures": is_futures(self._user),
            "clock": self._clock,
        }
        if play is None:
            return IncidentPlayer(happens, **given)
        look = Look(self._watchman.equity, self._watchman.is_naked)
        return ScenarioPlayer(play, _ms(self._stage.begin), look, **given)

    def play(self, on_progress: OnProgress) -> LiveSummary:
        clock = self._clock
        clock.set(self._stage.begin.timestamp())
        watch = Watch(self._run_dir, on_progress)
        try:
            with (
                self._exchange(clock) as exchange,
                terminate_as_interrupt(),
            ):
                write_overlay(self._plan, self._stage, self._user, exchange.url, self._run_dir)
                self._run_until_done(exchange, clock, watch)
                run = replace(
                    watch.summary(whole=not self._died),
                    requests=exchange.requests.total(),
                    unknown=dict(exchange.unknown),
                )
        finally:
            self._player.close()
            clock.close()
        books = self._books.read(self._venue, self._run_dir / DATABASE, self._run_dir / STORE)
        books = replace(books, since=self._player.restored)
        return LiveSummary(
            run=run,
            orders=len(self._venue.orders),
            fills=sum(len(order.fills) for order in self._venue.orders),
            strikes=(*self._faults.strikes, *self._player.met),
            kills=self._kills,
            differences=books.differences,
            breaches=(
                *self._died,
                *self._watchman.breaches,
                *self._player.breaches,
                *books.breaches(),
                *books.repeated(self._starts + self._player.calls),
            ),
            balances=dict(self._venue.balances),
            ledger=tuple(self._venue.orders),
            refusals=books.refusals,
            loop_ends=tuple(self._watchman.ended),
            unsent=dict(exchange.unsent),
            struck=self._player.struck if isinstance(self._player, ScenarioPlayer) else None,
        )

    def _exchange(self, clock: SharedClock) -> LiveExchange:
        rest = (self._faults, self._kill, self._watchman, self._player, self._plan.port)
        if isinstance(self._venue, FuturesVenue):
            return FuturesExchange(self._venue, clock, *rest)
        return LiveExchange(self._tape, clock, self._venue, *rest)

    def _run_until_done(self, exchange: LiveExchange, clock: SharedClock, watch: Watch) -> None:
        """Start the bot again whenever it ends before its time, as a supervisor of services does.

        :raises RefuseToStart: when it gets nowhere.
        """
        stage = replace(self._stage, drain=DRAIN_LOOPS)
        self._faults.until = _ms(stage.end)
        for _ in range(MOST_STARTS):
            exchange.dead = False
            self._starts += 1
            with _bot(self._run_dir, stage, exchange.url) as (child, lines):
                self._child = child
                reader = threading.Thread(target=watch.read, args=(lines,), daemon=True)
                reader.start()
                _wait(child, reader)
            pause = self._pause(exchange.dead, watch, clock)
            if pause is None:
                return
            clock.set(clock() + pause)
            self._player.restart(int(clock() * 1000))
            begin = datetime.fromtimestamp(clock(), UTC)
            stage = replace(stage, begin=begin)
        raise RefuseToStart(
            f"the bot was killed {MOST_STARTS} times and got nowhere (see {self._run_dir / LOG})"
        )

    def _pause(self, killed: bool, watch: Watch, clock: SharedClock) -> float | None:
        """Return the virtual seconds until the bot is started again, None when it is not."""
        if killed:
            self._kills += 1
        elif not (watch.ended_by_itself and self._may_end and self._watchman.loops):
            return None
        if watch.loops_of_life or killed:
            self._refused = 0
        else:
            self._refused += 1
        if watch.loops_of_life and not killed:
            at = datetime.fromtimestamp(clock(), UTC)
            text = f"the bot ended by itself at {at:%Y-%m-%d %H:%M:%S}: {watch.last_error}"
            self._died.append(Breach("died", text))
        if self._refused > MOST_REFUSED:
            text = f"{self._refused} starts in a row failed: {watch.last_error}"
            self._died.append(Breach("died", text))
            return None
        return min(LONGEST_PAUSE, RESTART_SECONDS * 2.0**self._refused)

    def _kill(self) -> None:
        assert self._child is not None
        assert self._child.pid is not None
        os.kill(self._child.pid, signal.SIGKILL)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(child: BaseProcess, reader: threading.Thread) -> None:
    """Wait for the end of a bot; Ctrl-C asks it to stop after its loop."""
    try:
        while reader.is_alive():
            reader.join(0.2)
    except KeyboardInterrupt:
        child.terminate()
        reader.join(STOP_PATIENCE)


@contextmanager
def _bot(run_dir: Path, stage: Stage, url: str) -> Iterator[tuple[BaseProcess, Any]]:
    """Start a bot's process; yields it and the lines that it reports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["freqpilot.rehearsal.bot.preload"])
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(run_dir, stage, url, sender), daemon=True)
    child.start()
    sender.close()
    lines = os.fdopen(os.dup(receiver.fileno()), encoding="utf-8")
    receiver.close()
    try:
        yield child, lines
        child.join(STOP_PATIENCE)
    finally:
        if child.is_alive():
            child.kill()
            child.join()
        lines.close()
        child.close()


def _child(run_dir: Path, stage: Stage, url: str, sender: Any) -> None:
    play_live(run_dir, stage, url, os.dup(sender.fileno()))
