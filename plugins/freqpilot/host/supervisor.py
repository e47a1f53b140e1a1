"""The run's risk supervisor: one ledger, one set of limits, asked by both gates and by strategies.

A run begins when the bot starts, or with each backtest and each hyperopt epoch. Live, the
ledger is kept in the store and survives a restart; otherwise it lives and ends with the run.
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
from freqpilot.host.log import DECISIONS
from freqpilot.risk import ledger, limits
from freqpilot.risk.flows import Watch
from freqpilot.risk.record import Outcome
from freqpilot.risk.responses import streak_phase
from freqpilot.risk.targets import no_edge_in
from freqpilot.settings import RiskSettings, Settings
from freqpilot.shapes import Book, Cut, OrderRequest, Position, RiskVerdict
from freqpilot.store import Store, open_store

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
    """The candles that protections see, as :mod:`freqpilot.host.feeds` has them."""
    released: Counter[str] = field(default_factory=Counter)
    """Releases by the simulated operator, by cause."""
    tables: dict[tuple[str, str], Any] = field(default_factory=dict)
    """A backtest's analysed candles by pair and timeframe, of :mod:`freqpilot.host.rows`."""
    unlocked: datetime | None = None
    """The release that ended Freqtrade's locks."""
    account: tuple[ledger.Ledger, Book | None] | None = None
    """A ledger and what it says of the account, positions apart: asked several times an entry."""


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
    settings = Settings.from_config(config)
    key = LEDGER_KEYS[bool(config.get("dry_run", True))]
    if live:
        store = open_store(store_url(settings, Path(config["user_data_dir"])))
        saved = store.load_state(key)
        state = ledger.Ledger.from_dict(saved) if saved else ledger.Ledger.empty()
    else:
        store, state = Store.memory(), ledger.Ledger.empty()
    run = Run(settings, store, live, state, key)
    run.watch = Watch(state.flows.capital, state.flows.trades)
    run.exchange = str(config.get("exchange", {}).get("name", ""))
    if live and settings.store.shared:
        run.shared = open_store(_resolved(settings.store.shared, Path(config["user_data_dir"])))
        run.others = None  # until they were looked at
    for former in _runs:
        former.store.close()
        if former.shared is not None:
            former.shared.close()
    _runs[:] = [run]
    return run


def current() -> Run:
    """Return the current run.

    :raises NoEntry: when no run has begun; entries are refused then.
    """
    if not _runs:
        raise NoEntry("no run has begun, so there is no ledger to judge an order by")
    return _runs[0]


def observe(time: datetime, equity: float, rates: Mapping[str, float] | None = None) -> None:
    """Show the account's equity to the ledger, before the entries of a candle or loop.

    :param rates: the rates by which it was found, of each pair with a position.
    """
    run = current()
    refresh(run)
    run.rates = rates or {}
    before = run.state
    run.state = ledger.observe(before, time, equity, run.settings.risk)
    if run.state.stamp == time:
        run.counters.stamp(time)
    if not run.live:
        observed, run.state = run.state, ledger.operate(run.state, time, run.settings.risk)
        if cause := ledger.released(observed, run.state):
            run.released[cause] += 1
        return
    run.counters.beat(time)
    run.store.beat("bot", time)
    if ledger.durable(run.state) != ledger.durable(before):
        run.store.save_state(run.key, run.state.to_dict(), time)
    # Under a key of its own: writing the ledger each time could undo a release of another process.
    if run.state.stamp is not None:
        seen = {"stamp": run.state.stamp.isoformat(), "equity": run.state.equity}
        run.store.save_state(f"{run.key}{SEEN}", seen, time)
    _tell(run, before, time)


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
        now = datetime.now(UTC)
        run.store.save_state(run.key, run.state.to_dict(), now)
        _tell(run, before, now)


def _tell(run: Run, before: ledger.Ledger, time: datetime) -> None:
    """Keep and log a latch that was set since ``before``, and a drawdown that went a level on."""
    if run.state.halted and run.state.halted != before.halted:
        equity = {"equity": run.state.equity}
        run.store.add_event(time, "halt", "EMERGENCY", run.state.halted, equity)
        logger.critical("No new position until a person releases it: %s", run.state.halted)
    if run.state.level > before.level:
        alert = ("INFO", "WARNING", "CRITICAL", "EMERGENCY")[run.state.level]
        text = f"the drawdown is {1 - run.state.equity / run.state.peak:.1%} from the peak"
        run.store.add_event(time, "drawdown", alert, text, {"equity": run.state.equity})
        logger.warning("Risk: %s", text)


def refresh(run: Run) -> None:
    """Take the ledger as a person left it: ``freqpilot release`` works in another process. To be
    asked before each change that is saved, or it would undo the release."""
    if not run.live:
        return
    state, risk = run.state, run.settings.risk
    waits = state.halted or state.wait_until or no_edge_in(state.record.edge(), risk.sizing)
    if not waits and not streak_phase(state.record, datetime.now(UTC), risk):
        return
    saved = run.store.load_state(run.key)
    known = ledger.Ledger.from_dict(saved) if saved else run.state
    if known.releases > run.state.releases:
        run.state = known


def saved_states(url: str) -> dict[str, ledger.Ledger]:
    """Return the ledgers that the store at ``url`` holds, by their key, as last observed."""
    store = open_store(url)
    found: dict[str, ledger.Ledger] = {}
    for key in LEDGER_KEYS.values():
        saved, seen = store.load_state(key), store.load_state(f"{key}{SEEN}")
        if saved:
            found[key] = ledger.Ledger.from_dict({**saved, **(seen or {})})
    store.close()
    return found


def saved_books(url: str) -> dict[str, dict[str, Any]]:
    """Return the books' figures that a bot has kept in the store at ``url``, by ledger key."""
    store = open_store(url)
    found = {key: store.load_state(f"{key}{BOOK}") for key in LEDGER_KEYS.values()}
    store.close()
    return {key: saved for key, saved in found.items() if saved}


def release(url: str, time: datetime, risk: RiskSettings | None = None) -> list[str]:
    """Release the latches that are kept in the store at ``url``, as a person's act.

    A running bot sees it at its next loop.

    :param risk: where its sizing stakes nothing for lack of an edge, the record's edge is counted
        anew; where a losing streak has come to one of its phases, so is the streak.
    :returns: the reasons of what was released.
    """
    store = open_store(url)
    released: list[str] = []
    for key in LEDGER_KEYS.values():
        if blocked := store.load_state(f"{key}{BLOCKED}"):
            store.save_state(f"{key}{BLOCKED}", {}, time)
            store.add_event(time, "release", "CRITICAL", blocked["reason"])
            released.append(f"{key}: {blocked['reason']}")
        saved = store.load_state(key)
        state = ledger.Ledger.from_dict(saved) if saved else ledger.Ledger.empty()
        reason = state.halted or ("entries wait for a person" if state.wait_until else None)
        none = no_edge_in(state.record.edge(), risk.sizing) if risk else None
        streak = _streak(state, time, risk) if risk and not state.halted else None
        if not reason and not none and not streak:
            continue
        state = ledger.release(state, time) if reason else state
        state = ledger.reviewed(state) if streak else state
        state = ledger.retry(state) if none else state
        reason = "; ".join(filter(None, (reason, streak, none)))
        store.save_state(key, state.to_dict(), time)
        store.add_event(time, "release", "CRITICAL", reason, {"equity": state.equity})
        released.append(f"{key}: {reason}")
    store.close()
    return released


def _streak(state: ledger.Ledger, time: datetime, risk: RiskSettings) -> str | None:
    """Return which phase a losing streak has come to, in words; None without one."""
    phase = streak_phase(state.record, time, risk)
    if phase is None:
        return None
    return (
        f"a losing streak ({state.record.losses_in_a_row} in a row: sizes were {phase.factor:.0%}, "
        f"an entry needed a composite of {phase.threshold:g})"
    )


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
        logger.warning("Refused %s %s: %s", order.purpose, order.pair, verdict.veto)
        about = {"pair": order.pair, "purpose": order.purpose, "rule": rule}
        run.store.add_event(order.time, "veto", "WARNING", str(verdict.veto), about)
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
    logger.info("No entry in %s: %s", pair, reason)
    run.store.add_event(time, "no entry", "INFO", reason, {"pair": pair})


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
