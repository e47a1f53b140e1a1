"""The open positions taken together, as a person sees them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

TAILS = {
    "var_95": "VaR 95 %",
    "cvar_95": "CVaR 95 %",
    "var_99": "VaR 99 %",
    "cvar_99": "CVaR 99 %",
}


def print_book(mode: str, figures: Mapping[str, Any], console: Console) -> None:
    """Print what a bot has kept of its book: :class:`freqpilot.risk.book.positions.Figures` in a
    mapping, with ``stamp``, when they were taken."""
    limits = figures["limits"]
    console.print(f"{mode}: the book at {figures['stamp'][:16]} UTC, shares of equity")
    if not figures["classes"]:
        console.print("no position is open")
        return
    for name in ("classes", "sectors"):
        console.print(f"{name}: {_shares(figures[name])}")
    for cluster in figures["clusters"]:
        pairs = ", ".join(cluster["pairs"])
        cap = f"cap {limits['cluster_cap']:.0%}"
        console.print(f"cluster of {pairs}: {cluster['share']:.1%} ({cap})")
    if figures["unknown"]:
        unknown = ", ".join(figures["unknown"])
        console.print(f"too few candles, counted at a crash: {unknown}", style="yellow")
    tails = Table("loss of a day", *TAILS.values())
    for method, found in figures["tails"].items():
        row = [f"{found[key]:.1%}" for key in TAILS]
        tails.add_row(method.replace("_", " "), *row)
    console.print(tails)
    console.print(f"no entry that takes a CVaR 99 % above {limits['var_limit']:.0%}")
    stress = Table("if this happened", "loss", "limit")
    for name, loss in sorted(figures["stress"].items(), key=lambda item: -item[1]):
        limit = limits["max_stress_loss"]
        style = "bold red" if loss > limit else None
        stress.add_row(name.replace("_", " "), f"{loss:.1%}", f"{limit:.1%}", style=style)
    console.print(stress)


def _shares(found: Mapping[str, float]) -> str:
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {share:.1%}" for name, share in ranked)
