"""What the ledger is shown, and how the store keeps it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import SEEN, Run
from freqpilot.risk.account import clock, ledger, looks, releases
from freqpilot.risk.account.looks import Look
from freqpilot.risk.account.record import Outcome
from freqpilot.risk.account.responses import streak_phase
from freqpilot.risk.entries.targets import no_edge_in
from freqpilot.risk.soundness import is_number


def observe(
    run: Run,
    time: datetime,
    equity: float,
    rates: Mapping[str, float] | None = None,
    worst: float | None = None,
    *,
    shown: bool | None = None,
) -> None:
    """Show the account's equity to the ledger, before the entries of a candle or loop.

    :param rates: the rates by which it was found, of each pair with a position.
    :param worst: the equity that the halt is judged by, where that is less.
    :param shown: live, whether the candles show each rate that jumped: this look and the one before
        have to agree. None takes the equity as it is, as a backtest's is.
    """
    refresh(run)
    run.rates = rates or {}
    if shown is None:
        run.state = ledger.observe(run.state, time, equity, run.settings.risk, worst)
    else:
        low = equity if worst is None else min(equity, worst) if is_number(equity) else worst
        look = Look(time, equity, low, shown)
        seen = looks.confirm(run.state, run.look, look, run.settings.risk)
        run.state, run.look, run.unsure = seen
    if run.state.stamp == time:
        run.counters.stamp(time)
    if not run.live:
        observed, run.state = run.state, releases.operate(run.state, time, run.settings.risk)
        if cause := releases.released(observed, run.state):
            run.released[cause] += 1
        return
    run.counters.beat(time)
    keep(run, time)


def follow_clock(run: Run, now: datetime) -> None:
    """Let a live run go back with a clock that was ahead, or it would see nothing until then."""
    if not clock.went_back(run.state, now):
        return
    assert run.state.stamp is not None
    ahead = run.state.stamp
    run.state = clock.set_back(run.state, now)
    run.look = run.look and replace(run.look, time=min(run.look.time, now))
    run.watch = replace(run.watch, since=None)
    run.tried = None
    text = (
        f"the clock went back from {ahead:%Y-%m-%d %H:%M:%S} to {now:%Y-%m-%d %H:%M:%S} UTC. The "
        "peak, halts and limits are kept, a wait goes on for as long as it still had to last. Look "
        "at the machine's time service; Freqtrade's own locks that began meanwhile last until "
        "their time, `/unlock` ends them"
    )
    alerts.record(run, "clock", "CRITICAL", text, {"ahead": ahead.isoformat()}, time=now)


class ClosedTrade(Protocol):
    """A trade that is over."""

    @property
    def id(self) -> int:
        """Its number in Freqtrade's database."""

    @property
    def close_date_utc(self) -> datetime:
        """When it was closed."""

    @property
    def close_profit_abs(self) -> float | None:
        """Its profit in stake currency."""


def closed(run: Run, trades: Iterable[ClosedTrade]) -> None:
    """Take the outcomes of closed trades into the ledger, each once."""
    refresh(run)
    before, now = run.state, datetime.now(UTC) if run.live else None
    for trade in trades:
        time = trade.close_date_utc
        if run.state.record.holds(int(trade.id), time):
            continue
        profit = float(trade.close_profit_abs or 0.0)
        share = profit / run.state.equity if run.state.equity > 0 else 0.0
        outcome = Outcome(int(trade.id), time, profit, share)
        if now is not None:
            outcome = outcome.not_after(now)
        run.state = ledger.closed(run.state, outcome, run.settings.risk)
    if now is not None and run.state is not before:
        keep(run, now)


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
                "usd": run.state.usd,
                "rates": dict(run.rates),
                "blind": run.sight.to_dict(),
                "look": run.look and run.look.to_dict(),
                "loop": run.loop_seconds,
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
        then = "no new position until a person runs `freqpilot release`"
        if run.settings.risk.watches:
            then = "it would halt here (watch: nothing is closed and nothing refused)"
        text = f"{run.state.halted}; {then}"
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
