"""The sleeves of an account, as a person sees them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_sleeves(mode: str, saved: Mapping[str, Any], console: Console) -> None:
    """Print what a bot has kept of its sleeves: ``sleeves`` as
    :func:`freqpilot.risk.account.sleeves.figures` gives them, and ``stamp``, when they were
        taken."""
    console.print(f"{mode}: sleeves at {saved['stamp'][:16]} UTC, money in stake currency")
    names = ("budget", "equity", "PnL", "fees", "funding", "exposure", "drawdown", "limit", "state")
    table = Table("sleeve", "strategy")
    for name in names:
        table.add_column(name, justify="left" if name == "state" else "right")
    for name, figures in saved["sleeves"].items():
        money = [f"{figures[key]:,.2f}" for key in ("pnl", "fees", "funding", "exposure")]
        if "budget" not in figures:
            table.add_row(f"({name})", "", "", "", *money, "", "", "what no sleeve wanted")
            continue
        since = figures["off_since"]
        state = "on" if since is None else f"off since {since[:16]}"
        if since is None and not figures.get("admitted", True):
            state = "waits for a higher tier"
        fall, limit = f"{figures['drawdown']:.1%}", f"{figures['limit']:.0%}"
        table.add_row(
            name,
            figures["strategy"],
            f"{figures['budget']:.1%}",
            f"{figures['equity']:,.2f}",
            *money,
            fall,
            limit,
            state,
            style=None if since is None else "bold red",
        )
    console.print(table)
