"""Cures of faults that chaos once found or should have, each of which can be switched off again in
the bot's own process: what chaos does not find then, it would not find in tomorrow's code either.

Not here is what shows in real seconds, as the clock of a rehearsal stands still meanwhile: that a
locked store holds up an exit for less than a second, which ``python -m benchmarks load`` measures.
Nor that an exit never waits for an order of its own kind that stays unsettled: the stand-in leaves
no order of a pair that it trades unsettled for ever. One that denied an order that it has would let
every bot send it twice. Nor what the stand-in never does by itself: lists that hold a fill twice,
more funding than a page holds, an account that a person trades on by hand. Each has tests of its
own. And that entries wait while no stop can be placed: in a day that saves an entry or two.

``python -m benchmarks chaos --cures 20``
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cure:
    """A cure: ``about`` says what it keeps from happening, ``off`` takes it away, ``faults`` are
    those that its fault comes from, ``futures`` is where they are played."""

    name: str
    about: str
    off: Callable[[], None]
    faults: str = "all"
    futures: bool = False


def switch_off(name: str) -> None:
    """Take a cure away in this process.

    :raises KeyError: for an unknown name.
    """
    CURES[name].off()


def _put(owner: Any, name: str, value: Any) -> None:
    """Replace what is there.

    :raises AttributeError: when it is there no more: the cure has another place by now.
    """
    getattr(owner, name)
    setattr(owner, name, value)


def _reconciliation() -> None:
    from freqpilot.host.orders import reconcile
    from freqpilot.host.orders.readiness import Reconciliation

    def step(run: Any, bot: Any) -> None:
        run.part(Reconciliation).done = True

    _put(reconcile, "step", step)


def _fresh_look() -> None:
    """Read closed trades as objects, which the session may have from before they were closed; what
    cannot be read ends the look."""
    from contextlib import nullcontext

    from freqtrade.persistence import Trade

    from freqpilot.host.loop import live
    from freqpilot.host.run.sight import Sight
    from freqpilot.risk.account.record import KEPT

    apart = Sight.part

    def part(self: Sight, name: str) -> Any:
        return apart(self, name) if name == "account" else nullcontext()

    kept: list[Any] = []

    def lately_closed(run: Any) -> Any:
        conditions = [Trade.is_open.is_(False)]
        if outcomes := run.state.record.outcomes:
            conditions.append(Trade.close_date >= outcomes[-1].time.replace(tzinfo=None))
        found = Trade.get_trades(conditions).all()
        kept[:] = Trade.get_open_trades()
        return sorted(found, key=lambda trade: trade.close_date)[-KEPT:]

    _put(live, "lately_closed", lately_closed)
    _put(live, "fresh_trades", nullcontext)
    _put(Sight, "part", part)


def _jumped_stop() -> None:
    from freqpilot.host.orders import stops

    _put(stops, "backup", lambda run, bot: None)


def _ownership() -> None:
    from freqpilot.host.run import ownership

    def claim(_store: Any, _key: str, bot: str) -> ownership.Owner:
        return ownership.this_process(bot)

    _put(ownership, "claim", claim)
    _put(ownership.Ownership, "beat", lambda self, now: self.store.beat(self.key, now))


def _exit_lock() -> None:
    """Look without the lock, and reconcile what is on its way to another thread."""
    from freqpilot.host.alerts import events as alerts
    from freqpilot.host.loop import live
    from freqpilot.host.orders import lookup, reconcile
    from freqpilot.host.run.current import current

    def before_loop(bot: Any) -> None:
        reconcile.step(current(), bot)
        live.observe(bot)
        alerts.step(bot)

    _put(live, "before_loop", before_loop)
    for owner in (lookup, reconcile):
        _put(owner, "in_flight", lambda client_id: False)
    _put(reconcile, "_roll_back", lambda: None)


def _halt_saved() -> None:
    """Save the ledger when it has changed since the last look, not since it was last saved."""
    from freqpilot.host.account import observed
    from freqpilot.host.run.current import current
    from freqpilot.risk.account import ledger

    real = observed.observe

    def observe(*given: Any, **named: Any) -> None:
        run = current()
        run.saved = ledger.durable(run.state)
        real(*given, **named)

    _put(observed, "observe", observe)


def _halt_without_store() -> None:
    """Read the flows first: without a store there is no look."""
    from freqpilot.host.account import look

    real = look.see

    def see(bot: Any, run: Any, trades: Any) -> Any:
        run.store.events("halt", limit=1)
        return real(bot, run, trades)

    _put(look, "see", see)


def _unknown_rate() -> None:
    """Take the equity with every position as the one for the halt: NaN for one without a rate."""
    from freqpilot.host.account import look

    _put(look, "_worst", _blind_worst)


def _blind_worst(_run: Any, free: float, trades: Any, rates: Any, *, paid: bool) -> float:
    from freqpilot.host.account.positions import account_equity

    return account_equity(free, trades, rates, entry_fees_paid=paid)


def _alerted() -> None:
    """Keep and log what a person must hear, and send nothing."""
    from freqpilot.host.alerts import events as alerts

    _put(alerts, "step", lambda bot: None)


def _named() -> None:
    """Send what reduces without a name while the store is out."""
    from freqpilot.host.account import unwritten
    from freqpilot.host.orders import lookup, sending

    _put(unwritten, "keep", lambda run, intent: intent)
    named = lookup.is_named

    def is_named(api: Any) -> bool:
        from freqpilot.host.run.current import current

        return named(api) and current().store_fault is None

    for owner in (sending, lookup):
        _put(owner, "is_named", is_named)


def _reload() -> None:
    """Reload as plain Freqtrade does: the bot is taken apart before the files are read."""
    from freqtrade.rpc.rpc import RPC
    from freqtrade.worker import Worker

    for owner, name in (
        (RPC, "_rpc_reload_config"),
        (Worker, "_worker"),
        (Worker, "_reconfigure"),
        (Worker, "_init"),
    ):
        plain = getattr(owner, name)
        _put(owner, name, getattr(plain, "__wrapped__", plain))


def _two_looks() -> None:
    """Take the first look at its word."""
    from freqpilot.risk.account import ledger, looks
    from freqpilot.risk.account.looks import Confirmation, Look

    def confirm(state: Any, _former: Look | None, look: Look, settings: Any) -> Confirmation:
        state = ledger.observe(state, look.time, look.equity, settings, look.low)
        return Confirmation(state, look)

    _put(looks, "confirm", confirm)


def _jumps() -> None:
    """Let each price count as one that the candles show."""
    from freqpilot.host.account.jumps import Jumps, Price

    _put(Jumps, "judge", lambda self, pair, rate, before: Price(rate))


def _clock_back() -> None:
    from freqpilot.host.account import observed

    _put(observed, "follow_clock", lambda run, now: None)


def _isolated() -> None:
    """Let an order that cannot be settled end the reconciliation of all."""
    from freqpilot.host.orders.pending import Pending

    def fail(self: Pending, intent: Any, error: Exception) -> None:
        raise error

    _put(Pending, "fail", fail)


def _fit() -> None:
    """Take an order for the one that was meant by its name alone."""
    from freqpilot.host.orders import lookup

    _put(lookup, "misfit", lambda *_: None)


def _refusals() -> None:
    """Write each refusal down."""
    from freqpilot.host.account.refusals import Refusals

    _put(Refusals, "is_new", lambda self, pair, reason, time: True)


def _stops_elsewhere() -> None:
    """Leave a stop that is refused as moved without one."""
    from freqpilot.host.orders import stopways

    def refused(_run: Any, _api: Any, _venue: Any, _order: Any, refusal: Exception) -> Any:
        raise refusal

    _put(stopways, "_create_elsewhere", refused)


def _late_candles() -> None:
    """Enter on the newest candle there is."""
    from freqpilot.host.gate.latecandles import LateCandles

    _put(LateCandles, "require", lambda self, pair: None)


CURES = {
    cure.name: cure
    for cure in (
        Cure(
            "reconciliation",
            "orders whose answer was lost join their trades",
            _reconciliation,
            "lost,late,timeout,kill",
        ),
        Cure(
            "fresh_look",
            "closed trades are read past the session's memory",
            _fresh_look,
            "rpc_force",
        ),
        Cure(
            "jumped_stop",
            "a position beyond its stop is closed at market",
            _jumped_stop,
            "gap_through_stop",
        ),
        Cure("ownership", "one bot owns a store", _ownership, "second_bot"),
        Cure("exit_lock", "a look and a forced order exclude each other", _exit_lock, "rpc_force"),
        Cure(
            "halt_saved",
            "a halt is saved when it was not yet",
            _halt_saved,
            "store_locked,gap_through_stop",
        ),
        Cure(
            "halt_without_store",
            "the halt needs no store",
            _halt_without_store,
            "store_down,gap_through_stop",
        ),
        Cure(
            "unknown_rate",
            "a position without a price is worth nothing to a halt",
            _unknown_rate,
            "delisted",
        ),
        Cure("alerted", "a halt leaves the machine", _alerted, "gap_through_stop"),
        Cure("reload", "a reload with a fault leaves the bot as it was", _reload, "rpc_force"),
        Cure(
            "named",
            "an order bears its name while the store is out",
            _named,
            "store_down,lost,late,timeout",
        ),
        Cure(
            "two_looks", "one wrong price halts nothing and makes no peak", _two_looks, "bad_tick"
        ),
        Cure("jumps", "a price that jumped has to be in its candles", _jumps, "bad_tick"),
        Cure("clock_back", "the ledger follows a clock that was ahead", _clock_back, "clock_jump"),
        Cure(
            "isolated",
            "an order that cannot be settled keeps its own pair's entries away alone",
            _isolated,
            "delisted,lost,late,timeout",
        ),
        Cure(
            "fit",
            "an order that is found by its name has to fit",
            _fit,
            "store_restored,late,timeout",
        ),
        Cure(
            "refusals",
            "a refusal is written down when it changes",
            _refusals,
            "gap_through_stop",
        ),
        Cure(
            "stops_elsewhere",
            "a stop goes to the endpoint to which the exchange has moved stops",
            _stops_elsewhere,
            "venue_change",
            futures=True,
        ),
        Cure(
            "late_candles",
            "an entry waits for the newest candle",
            _late_candles,
            "late_candles",
        ),
    )
}
"""By name."""
