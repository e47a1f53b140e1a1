"""What a deposit or a withdrawal does to the ledger: its bases are scaled, not shifted.

Limits are shares: a drawdown of 10 % is still one of 10 % after half of the money was withdrawn.
Shifting the peak by the money would make it 20 %, and a deposit would shrink it. With every base
times ``equity after / equity before`` no share changes, so a flow neither sets nor clears a latch,
a wait or a level, and the order of flows and trades does not matter.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from freqpilot.risk.account.flows import Days, Fall, Reading, Watch, bar, look
from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.soundness import ROUNDING
from freqpilot.settings import FlowSettings

HIGHS = ("peak", "summit", "tier_peak")


class Rebased(NamedTuple):
    """The ledger and the watch after a reading, what of the equity is no one's yet, the ``flow``
    that was taken (deposits positive) and the ``missing`` money that was found."""

    state: Ledger
    watch: Watch
    held: float = 0.0
    flow: float = 0.0
    missing: float = 0.0


def take(
    state: Ledger,
    watch: Watch,
    reading: Reading,
    now: datetime,
    equity: float,
    settings: FlowSettings,
) -> Rebased:
    """Return the ledger with the flows that a reading shows; to be asked before
    :func:`~freqpilot.risk.account.ledger.observe`, with the equity less what is ``held`` back.

    A withdrawal that was declared is taken as soon as it is seen, so that it is never a loss.
    """
    state = replace(state, flows=state.flows.lapsed(now))
    declared = _declared_part(state, watch, reading)
    if declared > 0 and watch.capital is not None:
        before = equity + watch.capital - reading.capital
        state = _flowed(state, -declared, before)
        flows = replace(state.flows, withdrawal=state.flows.withdrawal - declared)
        state = replace(state, flows=flows)
        watch = replace(watch, capital=watch.capital - declared)
    days = Days(state.day, state.week)
    worst = state.tier_drawdown
    step = look(watch, reading, now, equity, days, settings, state.usd, worst)
    if step.fall is not None:
        flows = replace(state.flows, falls=(*state.flows.falls, step.fall))
        state, risen = replace(state, flows=flows), 0.0
    else:
        state, risen = _risen(state, step.rise, equity, settings)
    kept = replace(state.flows, capital=step.watch.capital, trades=step.watch.trades)
    missing = step.fall.amount if step.fall else 0.0
    return Rebased(replace(state, flows=kept), step.watch, step.held, risen - declared, missing)


def declare(
    state: Ledger, number: int, amount: float, time: datetime, settings: FlowSettings
) -> Ledger:
    """Return the ledger after a person declared a flow at ``time`` (stake currency, deposits
    positive).

    It explains first what was seen already, the newest first; the rest waits to be seen for
    ``days``.

    :param number: of the declaration, so that each is taken in once.
    """
    flows = replace(state.flows, read=number)
    until = time + timedelta(days=settings.days)
    if amount > 0:
        claimed = min(amount, flows.unclaimed)
        rest = amount - claimed
        flows = replace(
            flows,
            unclaimed=flows.unclaimed - claimed,
            deposit=flows.deposit + rest,
            until=until if rest > 0 else flows.until,
        )
        return replace(state, flows=flows)
    state, left = replace(state, flows=flows), -amount
    for place in reversed(range(len(state.flows.falls))):
        part = min(left, state.flows.falls[place].amount)
        if part > 0:
            state, left = _explained(state, place, part), left - part
    falls = tuple(f for f in state.flows.falls if f.amount > ROUNDING * f.equity)
    flows = replace(state.flows, falls=falls, withdrawal=state.flows.withdrawal + left)
    return replace(state, flows=replace(flows, until=until if left > 0 else flows.until))


def _declared_part(state: Ledger, watch: Watch, reading: Reading) -> float:
    if watch.capital is None or reading.trades < watch.trades:
        return 0.0
    return min(state.flows.withdrawal, max(0.0, watch.capital - reading.capital))


def _risen(
    state: Ledger, rise: float, equity: float, settings: FlowSettings
) -> tuple[Ledger, float]:
    """Return the ledger after money came in, and how much of it is a deposit."""
    if rise <= 0:
        return state, 0.0
    flows, new = state.flows, rise
    if rise < bar(equity, settings, state.usd):
        new = min(rise, flows.deposit)
    else:
        flows, new = flows.returned(rise)
    claimed = min(new, flows.deposit)
    flows = replace(
        flows, deposit=flows.deposit - claimed, unclaimed=flows.unclaimed + new - claimed
    )
    return _flowed(replace(state, flows=flows), new, equity - new), new


def _flowed(state: Ledger, amount: float, before: float) -> Ledger:
    """Return the ledger after a flow that is seen now: everything in it is older. Without money
    before or after it there is no share to keep, and nothing is scaled."""
    factor = (before + amount) / before if before > 0 else 0.0
    if factor <= 0 or amount == 0:
        return state
    falls = tuple(fall._replace(high=fall.high * factor) for fall in state.flows.falls)
    names = (*HIGHS, "start", "day_start", "week_start", "restore_equity")
    scaled = {name: getattr(state, name) * factor for name in names}
    flows = replace(state.flows, falls=falls, total=state.flows.total + amount)
    return replace(state, flows=flows, **scaled)


def _explained(state: Ledger, place: int, part: float) -> Ledger:
    """Return the ledger after ``part`` of a fall turned out to be a withdrawal: what was set before
    the fall is scaled, what was set since is not."""
    fall = state.flows.falls[place]
    factor = (fall.equity - part) / fall.equity if fall.equity > 0 else 0.0
    left = fall._replace(amount=fall.amount - part, equity=fall.equity - part)
    high = _scaled_high(factor, fall.high)
    older = [each._replace(high=high(each.high)) for each in state.flows.falls[:place]]
    falls = (*older, left, *state.flows.falls[place + 1 :])
    flows = replace(state.flows, falls=falls, total=state.flows.total - part)
    if factor <= 0:
        return replace(state, flows=flows)
    bases = {name: high(getattr(state, name)) for name in HIGHS}
    bases["tier_drawdown"] = _without(fall, factor, state)
    bases["start"] = state.start * factor  # a release, which sets it anew, forgets all falls
    if state.day == fall.day:
        bases["day_start"] = state.day_start * factor
    if state.week == fall.week:
        bases["week_start"] = state.week_start * factor
    if state.restore_at is not None and state.restore_at <= fall.time:
        bases["restore_equity"] = state.restore_equity * factor
    return replace(state, flows=flows, **bases)  # type: ignore[arg-type]


def _without(fall: Fall, factor: float, state: Ledger) -> float:
    """Return the worst drawdown of the tier without what of a fall was a withdrawal. What was worse
    before it stays, and so does all of a tier that began since."""
    if state.tier_drawdown <= fall.worst or state.tier_peak < fall.equity * (1 - ROUNDING):
        return state.tier_drawdown
    return max(fall.worst, 1 - (1 - state.tier_drawdown) / factor)


def _scaled_high(factor: float, since: float) -> Callable[[float], float]:
    """Return how a highest equity is scaled that may have been passed ``since`` the fall."""
    return lambda value: min(value, max(value * factor, since))
