"""Positions of a rehearsal beside those of a backtest of the same candles.

Two positions are the same decision when pair and candle are the same: the candle whose opening is
the first moment at which the decision could be acted on. Whatever differs is listed with the cause
that :mod:`freqpilot.rehearsal.compare.causes` finds for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from freqpilot.rehearsal.compare.causes import Causes
from freqpilot.rehearsal.compare.deals import Deal, floor
from freqpilot.rehearsal.compare.evidence import Evidence

UNEXPLAINED = "unexplained"
SMALLEST_STAKE = 0.005
"""Stakes are compared to the cent of stake currency."""
OPEN = "open at the end"


@dataclass(frozen=True)
class Difference:
    """One thing in which a rehearsal and its backtest differ; ``candle`` is the decision's."""

    pair: str
    candle: datetime
    what: str
    live: str
    backtest: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.pair} {self.candle:%Y-%m-%d %H:%M} {self.what}: {self.live} live, "
            f"{self.backtest} in the backtest: {self.cause}"
        )


def match(
    live: Sequence[Deal], backtest: Sequence[Deal], evidence: Evidence
) -> tuple[int, tuple[Difference, ...]]:
    """Return how many decisions both sides share, and every difference, by candle."""
    causes = Causes(live, backtest, evidence)
    ours, theirs = ({(deal.pair, deal.candle): deal for deal in side} for side in (live, backtest))
    found = [
        difference
        for key in ours.keys() | theirs.keys()
        for difference in _differences(ours.get(key), theirs.get(key), causes, evidence)
    ]
    found.sort(key=lambda difference: (difference.candle, difference.pair))
    return len(ours.keys() & theirs.keys()), tuple(found)


def _differences(
    live: Deal | None, backtest: Deal | None, causes: Causes, evidence: Evidence
) -> Iterator[Difference]:
    if live is not None and backtest is not None:
        yield from _of_both(live, backtest, causes, evidence)
    elif live is not None:
        cause = causes.extra_entry(live) or UNEXPLAINED
        yield Difference(live.pair, live.candle, "extra entry", _entry(live), "none", cause)
    elif backtest is not None:
        cause = causes.missing_entry(backtest) or UNEXPLAINED
        yield Difference(
            backtest.pair, backtest.candle, "missing entry", "none", _entry(backtest), cause
        )


def _of_both(
    live: Deal, backtest: Deal, causes: Causes, evidence: Evidence
) -> Iterator[Difference]:
    def differ(what: str, ours: str, theirs: str, cause: str | None) -> Difference:
        return Difference(live.pair, live.candle, what, ours, theirs, cause or UNEXPLAINED)

    tick = evidence.tape.pairs[live.pair].tick
    if abs(live.stake - backtest.stake) > SMALLEST_STAKE:
        stakes = (f"{live.stake:.2f}", f"{backtest.stake:.2f}")
        yield differ("stake", *stakes, causes.stake(live, backtest))
    if abs(live.entry - backtest.entry) > tick / 2:
        prices = (f"{live.entry:g}", f"{backtest.entry:g}")
        yield differ("entry price", *prices, causes.entry_price(live, backtest))
    ours, theirs = (_exit_candle(deal, evidence.step) for deal in (live, backtest))
    moved = ours != theirs
    if moved:
        candles = (_when(ours), _when(theirs))
        yield differ("exit candle", *candles, causes.exit(live, backtest))
    if live.closed is None or backtest.closed is None:
        return
    if live.reason != backtest.reason:
        yield differ("exit reason", live.reason, backtest.reason, causes.exit(live, backtest))
    if abs(live.exit - backtest.exit) > tick / 2:
        prices = (f"{live.exit:g}", f"{backtest.exit:g}")
        cause = causes.exit_price(live, backtest)
        if moved or live.reason != backtest.reason:
            cause = f"it left {'in another candle' if moved else 'for another reason'}"
        yield differ("exit price", *prices, cause)


def _exit_candle(deal: Deal, step: timedelta) -> datetime | None:
    return None if deal.closed is None else floor(deal.closed, step)


def _when(candle: datetime | None) -> str:
    return OPEN if candle is None else f"{candle:%Y-%m-%d %H:%M}"


def _entry(deal: Deal) -> str:
    return f"{deal.stake:.2f} at {deal.entry:g}"
