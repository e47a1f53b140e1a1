"""The run's risk supervisor: one ledger, one set of limits, asked by both gates and by strategies.

A run begins when the bot starts, or with each backtest and each hyperopt epoch. Live, the
ledger is kept in the store and survives a restart; otherwise it lives and ends with the run. What
the supervisor decides needs no store: a store that is out is written when it is back.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqpilot.control.counters import Counters
from freqpilot.errors import NoEntry
from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.alerts import events as alerts
from freqpilot.host.log import DECISIONS
from freqpilot.host.run.ownership import Ownership
from freqpilot.host.run.sight import Sight
from freqpilot.risk import ledger, limits
from freqpilot.risk.flows import Watch
from freqpilot.risk.record import Outcome
from freqpilot.risk.responses import streak_phase
from freqpilot.risk.targets import no_edge_in
from freqpilot.settings import Settings
from freqpilot.shapes import (
    Book,
    Cut,
    IntentState,
    OrderIntent,
    OrderRequest,
    Position,
    RiskVerdict,
)
from freqpilot.store import Store, memory_store, open_store

logger = logging.getLogger(__name__)
decisions = logging.getLogger(DECISIONS)

LEDGER_KEYS = {True: "ledger dry run", False: "ledger live"}
"""A dry run's money says nothing of the account's, so each has a ledger of its own."""


SEEN = ", last seen"
BLOCKED = ", blocked"
BOOK = ", book"


@dataclass
class Run:
    """What belongs to one run: settings, ledger, store and counters."""

    settings: Settings
    store: Store
    live: bool
    state: ledger.Ledger
    key: str
    counters: Counters = field(default_factory=Counters)
    claimed: dict[str, datetime] = field(default_factory=dict)
    unsized: dict[str, datetime] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    exchange: str = ""
    shared: Store | None = None
    others: tuple[Position, ...] | None = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    feed: Any = None
    """The candles that protections see, as :mod:`freqpilot.host.candles.feeds` has them."""
    released: Counter[str] = field(default_factory=Counter)
    """Releases by the simulated operator, by cause."""
    tables: dict[tuple[str, str], Any] = field(default_factory=dict)
    """A backtest's analysed candles by pair and timeframe, of
    :mod:`freqpilot.host.candles.rows`."""
    unlocked: datetime | None = None
    """The release that ended Freqtrade's locks."""
    account: tuple[ledger.Ledger, Book | None] | None = None
    """A ledger and what it says of the account, positions apart: asked several times an entry."""
    bot: str = ""
    """The bot's id, which its orders bear, as :mod:`freqpilot.host.run.ownership` has it."""
    url: str = ""
    owner: Ownership | None = None
    """Live: this process's hold of the store."""
    stands_in: bool = False
    """Whether the store is one in memory, in place of one that cannot be used."""
    saved: tuple[Any, ...] | None = None
    """What of the ledger the store has, as :func:`freqpilot.risk.ledger.durable` gives it."""
    alerted: tuple[str | None, int] = (None, 0)
    """The halt and the level of the drawdown that a person has heard of."""
    unwritten: dict[str, OrderIntent] = field(default_factory=dict)
    """Intents that the store does not have yet (:mod:`freqpilot.host.account.unwritten`)."""
    store_fault: str | None = None
    """Why the store could not be used last, None when it could."""
    sight: Sight = field(default_factory=Sight)
    held: float = 0.0
    """What of the equity was no one's yet at the last look
    (:mod:`freqpilot.host.account.flows`)."""
    unquoted: Counter[str] = field(default_factory=Counter)
    """Looks in a row in which a pair had no market."""
    beyond: Counter[int] = field(default_factory=Counter)
    """Looks in a row in which the price was beyond a trade's stop, by trade
    (:mod:`freqpilot.host.orders.stops`)."""
    jumped: set[int] = field(default_factory=set)
    """Trades whose jumped stop a person has heard of."""
    tried: datetime | None = None
    """When the store was last tried to be opened, where a start had to do without."""

    @property
    def writes(self) -> bool:
        """Whether what is written now is kept: the store is there, and this bot's."""
        lost = self.owner is not None and self.owner.lost is not None
        return not self.live or not (self.stands_in or lost)

    def intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return this bot's intents in one of ``states``, oldest first, those that wait to be
        written last: not those of another bot that has written into the same store."""
        written = [
            each
            for each in self.store.intents(*states)
            if each.client_id not in self.unwritten and self._is_own(each)
        ]
        return written + self.unwritten_intents(*states)

    def unwritten_intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return the intents in one of ``states`` that wait to be written."""
        return [each for each in self.unwritten.values() if not states or each.state in states]

    def _is_own(self, intent: OrderIntent) -> bool:
        return not self.bot or _whose(intent.client_id) in (self.bot, None)


def _whose(client_id: str) -> str | None:
    name = parse_client_order_id(client_id)
    return None if name is None else name.bot


_runs: list[Run] = []


def store_url(settings: Settings, user_data: Path) -> str:
    """Return the store's database URL; a relative SQLite path counts from user_data."""
    return _resolved(settings.store.url or "sqlite:///freqpilot.sqlite", user_data)


def _resolved(url: str, user_data: Path) -> str:
    prefix = "sqlite:///"
    path = Path(url.removeprefix(prefix))
    if url.startswith(prefix) and not path.is_absolute():
        return f"{prefix}{user_data / path}"
    return url


def begin(config: dict[str, Any], *, live: bool) -> Run:
    """Start a run and make it the current one of this process."""
    from freqpilot.host.account import livestore

    settings = Settings.from_config(config)
    key = LEDGER_KEYS[bool(config.get("dry_run", True))]
    run = Run(settings, memory_store(), live, ledger.Ledger.empty(), key)
    former = _runs[0] if _runs else None
    folder = Path(config["user_data_dir"]) if live else Path()
    if live:
        run.url = store_url(settings, folder)
        livestore.begin(run, former)
    run.watch = Watch(run.state.flows.capital, run.state.flows.trades)
    run.exchange = str(config.get("exchange", {}).get("name", ""))
    if live and settings.store.shared:
        run.shared = open_store(_resolved(settings.store.shared, folder))
        run.others = None  # until they were looked at
    for each in _runs:
        each.store.close()
        if each.shared is not None:
            each.shared.close()
    _runs[:] = [run]
    return run


def current() -> Run:
    """Return the current run.

    :raises NoEntry: when no run has begun; entries are refused then.
    """
    if not _runs:
        raise NoEntry("no run has begun, so there is no ledger to judge an order by")
    return _runs[0]


def has_begun() -> bool:
    """Tell whether a run has begun."""
    return bool(_runs)


def require_sight() -> None:
    """:raises NoEntry: while a live run does not see the account, or may not write into its
    store."""
    run = current()
    if run.sight.blind is not None:
        raise NoEntry(run.sight.blind)
    if not run.writes:
        lost = run.owner.lost if run.owner else None
        raise NoEntry(lost or "the freqpilot store cannot be used, so no order can be written down")


def observe(
    time: datetime,
    equity: float,
    rates: Mapping[str, float] | None = None,
    worst: float | None = None,
) -> None:
    """Show the account's equity to the ledger, before the entries of a candle or loop.

    :param rates: the rates by which it was found, of each pair with a position.
    :param worst: the equity that the halt is judged by, where that is less.
    """
    run = current()
    refresh(run)
    run.rates = rates or {}
    run.state = ledger.observe(run.state, time, equity, run.settings.risk, worst)
    if run.state.stamp == time:
        run.counters.stamp(time)
    if not run.live:
        observed, run.state = run.state, ledger.operate(run.state, time, run.settings.risk)
        if cause := ledger.released(observed, run.state):
            run.released[cause] += 1
        return
    run.counters.beat(time)
    keep(run, time)


def closed(trades: Iterable[Any]) -> None:
    """Take the outcomes of closed trades into the ledger, each once."""
    run = current()
    refresh(run)
    before = run.state
    for trade in trades:
        time = trade.close_date_utc
        if run.state.record.holds(int(trade.id), time):
            continue
        profit = float(trade.close_profit_abs or 0.0)
        share = profit / run.state.equity if run.state.equity > 0 else 0.0
        outcome = Outcome(int(trade.id), time, profit, share)
        run.state = ledger.closed(run.state, outcome, run.settings.risk)
    if run.live and run.state is not before:
        keep(run, datetime.now(UTC))


def keep(run: Run, time: datetime) -> None:
    """Bring the store to what the ledger is, compared with what was last saved; then say what a
    person must hear, then that the bot is alive. A store that is out is tried again at the next
    look. Only a fault of another kind is raised."""
    from freqpilot.host.account import livestore, unwritten

    if not run.writes:
        announce(run, time)
        return
    with livestore.guarded(run):
        unwritten.write(run)
        if ledger.durable(run.state) != run.saved:
            run.store.save_state(run.key, run.state.to_dict(), time)
            run.saved = ledger.durable(run.state)
    announce(run, time)
    if run.store_fault is not None:
        return
    with livestore.guarded(run):
        # Under a key of its own: writing the ledger each time could undo a release of another
        # process.
        if run.state.stamp is not None:
            seen = {
                "stamp": run.state.stamp.isoformat(),
                "equity": run.state.equity,
                "rates": dict(run.rates),
                "blind": run.sight.to_dict(),
            }
            run.store.save_state(f"{run.key}{SEEN}", seen, time)
        if run.owner is not None:
            run.owner.beat(time)


def announce(run: Run, time: datetime) -> None:
    """Alert a person to a latch that was set, and to a drawdown that went a level on; each once."""
    halted, level = run.alerted
    run.alerted = run.state.halted, run.state.level
    equity = {"equity": run.state.equity}
    if run.state.halted and run.state.halted != halted:
        text = f"{run.state.halted}; no new position until a person runs `freqpilot release`"
        alerts.record(run, "halt", "EMERGENCY", text, equity, time=time)
    if run.state.level > level:
        severity = ("INFO", "WARNING", "CRITICAL", "EMERGENCY")[run.state.level]
        text = f"the drawdown is {1 - run.state.equity / run.state.peak:.1%} from the peak"
        alerts.record(run, "drawdown", severity, text, equity, time=time)


def refresh(run: Run) -> None:
    """Take the ledger as a person left it: ``freqpilot release`` works in another process. To be
    asked before each change that is saved, or it would undo the release."""
    from freqpilot.host.account import livestore

    if not run.live or not run.writes or run.store_fault is not None:
        return
    state, risk = run.state, run.settings.risk
    waits = state.halted or state.wait_until or no_edge_in(state.record.edge(), risk.sizing)
    if not waits and not streak_phase(state.record, datetime.now(UTC), risk):
        return
    with livestore.guarded(run):
        saved = run.store.load_state(run.key)
        known = ledger.Ledger.from_dict(saved) if saved else run.state
        if known.releases > run.state.releases:
            run.state, run.saved = known, ledger.durable(known)


def book(positions: Sequence[Position] = ()) -> Book | None:
    """Return the account as the ledger last saw it, with the given open positions."""
    return _book(current(), positions)


def _book(run: Run, positions: Sequence[Position]) -> Book | None:
    if run.state.stamp is None:
        return None
    if run.others is None:
        raise NoEntry("what other bots have open could not be read from freqpilot.store.shared")
    if run.account is None or run.account[0] is not run.state:
        response = run.state.response(run.state.stamp, run.settings.risk)
        run.account = run.state, run.state.book((), response)
    found = run.account[1]
    return found and replace(
        found, positions=tuple(positions), others=run.others, exchange=run.exchange
    )


def ask(
    order: OrderRequest,
    positions: Sequence[Position],
    *further: Callable[[], RiskVerdict],
) -> RiskVerdict:
    """Judge an order that raises risk, count and log the verdict.

    :param further: judge in turn what the limits allow, where there is more to ask.
    """
    run = current()
    if not run.settings.supervisor:
        return RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)
    known = _book(run, positions)
    if known is None:
        veto = "the account has not been observed yet"
        verdict = RiskVerdict(False, 0.0, cuts=(Cut("ledger", 0.0),), veto=veto)
    else:
        verdict = limits.judge(order, known, run.settings.risk)
    for judge in further:
        if verdict.allowed:
            verdict = judge()
    if verdict.allowed:
        run.counters.count("orders_allowed")
        return verdict
    rule = verdict.cuts[-1].rule if verdict.cuts else "unnamed"
    run.counters.veto(rule)
    if run.live:
        about = {"pair": order.pair, "purpose": order.purpose, "rule": rule}
        text = f"refused {order.purpose} {order.pair}: {verdict.veto}"
        alerts.record(run, "veto", "WARNING", text, about, time=order.time)
        run.store.save_counters(run.counters.snapshot(order.time)["vetoes"], order.time)
        decisions.info("veto", extra={"decision": {"pair": order.pair, "veto": verdict.veto}})
    return verdict


def closes(profit: float) -> bool:
    """Tell whether a halt closes a position whose open profit is ``profit`` (a fraction of its
    stake): all but what is deep in profit.

    :raises NoEntry: when no run has begun.
    """
    run = current()
    if not run.settings.supervisor or run.state.halted is None:
        return False
    if run.state.cause not in ledger.CLOSING:
        return False
    return not profit >= run.settings.risk.deep_profit


def facts() -> dict[str, Any]:
    """Return what a report tells of the current run: releases by the simulated operator and their
    causes, a halt that still holds, and vetoes by rule."""
    run = current()
    stamp = run.state.stamp
    figures = run.counters.snapshot(stamp) if stamp else {"vetoes": {}, "counts": {}}
    return {
        "supervisor": run.settings.supervisor,
        "releases": run.state.releases,
        "released": dict(run.released),
        "halted": run.state.halted,
        "vetoes": figures["vetoes"],
        "counts": figures["counts"],
    }


def count_gate_error(error: Exception) -> str:
    """Count a fault of the gate itself and return the reason for the refusal."""
    if _runs:
        _runs[0].counters.count("gate_errors")
    logger.error("The order gate failed and refuses the order: %s", error, exc_info=error)
    return f"the order gate failed ({type(error).__name__}: {error})"


def count_wait(refusal: NoEntry) -> str:
    """Count an entry that has to wait and return the reason."""
    if _runs:
        _runs[0].counters.veto("wait")
    logger.warning("Entry refused: %s", refusal)
    return str(refusal)


def note_unsized(time: datetime, pair: str, candle: datetime, reason: str) -> None:
    """Keep and log why a live entry gets no stake, once a pair and candle: the loop asks again."""
    run = current()
    if run.unsized.get(pair) == candle:
        return
    run.unsized[pair] = candle
    alerts.record(run, "no entry", "INFO", reason, {"pair": pair}, time=time)


def claim(pair: str, candle: datetime) -> bool:
    """Claim a pair's one discretionary entry of a candle: the decision clock.

    Live, Freqtrade would enter again within the candle whose trade was just stopped out; the
    backtest cannot. True only for the first claim of the candle.
    """
    run = current()
    if run.claimed.get(pair) == candle:
        return False
    run.claimed[pair] = candle
    return True
