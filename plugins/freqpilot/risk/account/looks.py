"""One look at an account proves nothing: a wrong price would halt the bot, or make a peak that was
never there.

So a live account is looked at twice. A high is made by the smaller of two looks that are
``APART`` or more apart, a drawdown, a cut and a halt by the milder. Both looks count as they are
where the candles show each price that jumped; else they have to agree within ``AGREEMENT``, and
make no high: a fall that cannot be checked halts, a rise waits for its candles. What one look
alone would have set off makes entries wait for the next one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from freqpilot.risk.account import ledger
from freqpilot.risk.account.dollars import money
from freqpilot.risk.account.ledger import Ledger, Sure
from freqpilot.risk.soundness import ROUNDING, is_number, is_utc_aware
from freqpilot.settings import RiskSettings

APART = timedelta(seconds=5)
"""Looks that are nearer together are one: a wrong answer of an exchange lasts as long as that."""
AGREEMENT = 0.01
"""By how much of the larger one two looks may differ and agree."""
JUMP = 0.05
"""From one look to the next a price that moved further than that has jumped."""
BEYOND_CANDLES = 0.05
"""A price may be so far outside of its newest candles: those of books are not those of trades."""


@dataclass(frozen=True)
class Look:
    """The account as it was seen once.

    ``equity`` may be NaN; the halt is judged by ``low``. ``shown``: the candles show each price
    that has jumped. ``first``: the ledger has begun with this look, and none has confirmed it.
    ``waits``: why entries wait for the next look, None where they need not.
    """

    time: datetime
    equity: float
    low: float
    shown: bool = True
    first: bool = False
    waits: str | None = None

    def to_dict(self) -> dict[str, Any] | None:
        """Return the look as JSON has it; None for one without an equity, which says nothing after
        a restart."""
        if not (is_number(self.equity) and is_number(self.low)):
            return None
        return {
            "time": self.time.isoformat(),
            "equity": self.equity,
            "low": self.low,
            "shown": self.shown,
            "first": self.first,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any] | None) -> Self | None:
        """Return the look that :meth:`to_dict` gave, None for what is no look: the next one is
        then the first of two."""
        try:
            look = cls(
                datetime.fromisoformat(saved["time"]),  # type: ignore[index]
                float(saved["equity"]),  # type: ignore[index]
                float(saved["low"]),  # type: ignore[index]
                saved["shown"] is True,  # type: ignore[index]
                saved["first"] is True,  # type: ignore[index]
            )
        except (TypeError, ValueError, KeyError):
            return None
        sound = is_utc_aware(look.time) and math.isfinite(look.equity) and math.isfinite(look.low)
        return look if sound else None

    def after(self, flow: float) -> Self:
        """Return the look as it would have been had money come in (or gone) before it."""
        return replace(self, equity=self.equity + flow, low=self.low + flow)


class Confirmation(NamedTuple):
    """The ledger after a look, the ``look`` that the next one is held against, and why entries wait
    for that, None where they need not."""

    state: Ledger
    look: Look
    waits: str | None = None


def confirm(state: Ledger, former: Look | None, look: Look, settings: RiskSettings) -> Confirmation:
    """Return the ledger after a live account was seen once more.

    :param former: the look before; None for the first of a process that knows of none.
    """
    if state.stamp is not None and look.time < state.stamp:
        return Confirmation(state, former or look, former.waits if former else ONCE)
    if state.stamp is None:
        return _begun(state, look, settings)
    if former is None:
        return _kept(_stamped(state, look), look, ONCE)
    if look.time - former.time < APART:
        return _too_soon(state, former, look, settings)
    if former.first and not _agree(former.equity, look.equity, former, look):
        return _begun(_unbegun(state), look, settings)
    return _second(state, former, look, settings)


def jumps(rate: float, before: float) -> bool:
    """Tell whether a price has jumped since it was seen before; without a price before it has."""
    if not (is_number(before, above=0) and is_number(rate)):
        return True
    return abs(rate / before - 1.0) > JUMP + ROUNDING


def is_shown(rate: float, low: float, high: float) -> bool:
    """Tell whether candles with this low and this high show a price."""
    return low * (1.0 - BEYOND_CANDLES) <= rate <= high * (1.0 + BEYOND_CANDLES)


ONCE = "the account was looked at once since the start: entries wait for a second look"


def _begun(state: Ledger, look: Look, settings: RiskSettings) -> Confirmation:
    """Return a ledger that begins with a look, which the next one has to confirm."""
    begun = ledger.observe(state, look.time, look.equity, settings)
    return _kept(begun, replace(look, first=begun.stamp is not None), ONCE)


def _unbegun(state: Ledger) -> Ledger:
    """Return a ledger as before its first look: what it knows of trades and flows stays."""
    return Ledger(record=state.record, flows=state.flows, releases=state.releases, usd=state.usd)


def _stamped(state: Ledger, look: Look) -> Ledger:
    """Return the ledger with the time of a look that changes nothing else."""
    return replace(state, stamp=look.time) if is_number(look.equity) else state


def _too_soon(state: Ledger, former: Look, look: Look, settings: RiskSettings) -> Confirmation:
    """Return the ledger after a look that is too near to the former: it proves nothing. One that
    denies the former takes its place, so that nothing is confirmed across a denial."""
    seen, waits = _stamped(state, look), former.waits
    agrees = _agree(former.equity, look.equity, former, look)
    if not agrees and is_number(look.equity):
        if former.first:
            return _begun(_unbegun(state), look, settings)
        return _kept(seen, look, _jumped(state, former, look))
    if waits is None and agrees and not _goes_further(state, seen, look, settings):
        seen = replace(seen, equity=float(look.equity))
    else:
        waits = waits or _jumped(state, former, look)
    return Confirmation(seen, former, waits)


def _second(state: Ledger, former: Look, look: Look, settings: RiskSettings) -> Confirmation:
    """Return the ledger after the second of two looks."""
    sure = _sure(former, look)
    if math.isnan(sure.most):
        seen = _stamped(state, look)
        if not math.isnan(sure.low):
            seen = ledger.observe(seen, look.time, math.nan, settings, sure.low)
        return _kept(seen, look, _jumped(state, former, look))
    if math.isnan(sure.low):
        sure = sure._replace(low=sure.most)
    if not (former.shown and look.shown):
        sure = sure._replace(least=min(sure.least, state.peak))
    seen = ledger.observe(state, look.time, look.equity, settings, sure=sure)
    further = _goes_further(state, seen, look, settings)
    return _kept(seen, look, _jumped(state, former, look) if further else None)


def _goes_further(state: Ledger, seen: Ledger, look: Look, settings: RiskSettings) -> bool:
    """Tell whether a look alone would have set off more than was ``seen`` by two: a level of the
    drawdown, a latch, or a peak that is higher by more than looks may differ."""
    alone = ledger.observe(state, look.time, look.equity, settings, look.low)
    return (
        alone.level > seen.level
        or (alone.halted is not None and seen.halted is None)
        or alone.peak > seen.peak * (1.0 + AGREEMENT)
    )


def _kept(state: Ledger, look: Look, waits: str | None) -> Confirmation:
    return Confirmation(state, replace(look, waits=waits), waits)


def _sure(former: Look, look: Look) -> Sure:
    """Return what two looks agree on, NaN for what they do not."""
    least = most = low = math.nan
    if _agree(former.equity, look.equity, former, look):
        least, most = sorted((former.equity, look.equity))
    if _agree(former.low, look.low, former, look):
        low = max(former.low, look.low)
    return Sure(least, most, low)


def _agree(before: float, now: float, former: Look, look: Look) -> bool:
    if not (is_number(before) and is_number(now)):
        return False
    if former.shown and look.shown:
        return True
    return abs(now - before) <= AGREEMENT * max(abs(before), abs(now))


def _jumped(state: Ledger, former: Look, look: Look) -> str:
    before, now = money(former.equity, state.usd), money(look.equity, state.usd)
    return (
        f"the account went from {before} to {now} between two looks: entries wait until a second "
        "look says the same"
    )
