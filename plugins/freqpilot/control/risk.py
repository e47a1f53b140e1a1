"""The risk overview as a person sees it."""

import math
from datetime import datetime

from rich.console import Console
from rich.table import Table

from freqpilot.risk.account.dollars import money
from freqpilot.risk.entries.overview import Gauge, Overview, Requirement

STALE_SECONDS = 120


def print_overview(mode: str, found: Overview, now: datetime, console: Console) -> None:
    """Print the state of the ``mode`` (dry run or live) account and its limits."""
    age = (now - found.stamp).total_seconds() if found.stamp else math.inf
    seen = f"{age:.0f} s ago" if age < STALE_SECONDS else f"at {found.stamp:%Y-%m-%d %H:%M} UTC"
    equity, peak = money(found.equity, found.usd), money(found.peak, found.usd)
    console.print(
        f"{mode}: equity {equity}{_in_dollars(found)}, peak {peak}, tier {found.tier}, seen {seen}"
        f"{'' if age < STALE_SECONDS else ' (the bot is not running)'}"
    )
    if found.halted:
        console.print(f"HALTED: {found.halted}. `freqpilot release` ends it.", style="bold red")
    if found.wait:
        console.print(f"WAITING: {found.wait}", style="bold yellow")
    if found.no_edge:
        console.print(f"NOTHING IS STAKED: {found.no_edge}.", style="bold yellow")
    if found.missing:
        missing = money(found.missing, found.usd)
        console.print(
            f"MISSING: {missing} unexplained is a loss until you declare it: "
            f"`freqpilot flow --withdraw {missing}`",
            style="bold yellow",
        )
    cuts = ", ".join(f"{name} × {factor:.2f}" for name, factor in found.factors)
    console.print(f"size of the next entry: {cuts or 'normal'}")
    table = Table("what trips next", "now", "limit", "used", "may still be lost", "then")
    for gauge in found.gauges:
        table.add_row(*_row(gauge, found.usd))
    console.print(table)
    if found.next:
        needs = ", ".join(map(_need, found.needs))
        console.print(f"tier {found.next} comes with: {needs}")


def _need(need: Requirement) -> str:
    """Return what a tier needs beside what there is; a figure that is missing is a dash."""
    shares = "rate" in need.name or "drawdown" in need.name
    shape = ".0%" if shares else ",.2f" if "factor" in need.name else ",.0f"
    now = "–" if math.isnan(need.now) else "∞" if math.isinf(need.now) else f"{need.now:{shape}}"
    sign = "below" if "drawdown" in need.name else "of" if shape == ",.0f" else "above"
    return f"{need.name} {now} ({sign} {need.limit:{shape}}{', done' if need.met else ''})"


def _in_dollars(found: Overview) -> str:
    """Return an equity in dollars, by which its tier is found; nothing where it is in dollars."""
    if found.usd is None:
        return " (its worth in US dollars is not known: no entry)"
    return "" if found.usd == 1.0 else f" ({found.equity * found.usd:,.0f} USD)"


def _row(gauge: Gauge, usd: float | None) -> tuple[str, ...]:
    if math.isnan(gauge.left):
        now, limit, left = f"{gauge.used:.0f}", f"{gauge.limit:.0f}", ""
    else:
        now, limit, left = f"{gauge.used:.1%}", f"{gauge.limit:.0%}", money(gauge.left, usd)
    return gauge.name, now, limit, f"{gauge.share:.0%}", left, gauge.then
