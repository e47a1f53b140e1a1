"""What open trades can still lose, as a person sees it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from freqpilot.risk.account.dollars import money


def print_open_risk(
    mode: str, figures: Mapping[str, Any], usd: float | None, console: Console
) -> None:
    """Print what a bot has kept of its open trades: ``stamp``, when that was, and a row in
    ``trades`` for each.

    :param usd: dollars that one unit of the stake currency is worth, None where that is not known.
    """
    rows = figures["trades"]
    if not rows:
        return
    console.print(f"{mode}: what open trades can still lose, at {figures['stamp'][:16]} UTC")
    table = Table("trade", "pair", "price", "ends at", "by", "loss until then", "of equity")
    for row in sorted(rows, key=lambda each: -_size(each)):
        style = "bold red" if row["loss"] is None or row["shown"] else None
        by = f"{row['by']}; {SHOWN}" if row["shown"] else row["by"]
        table.add_row(
            str(row["trade"]),
            f"{row['pair']} {row['side']}",
            f"{row['rate']:g}",
            "" if row["stop"] is None else f"{row['stop']:g}",
            by,
            "unbounded" if row["loss"] is None else money(row["loss"], usd),
            "" if row["share"] is None else f"{row['share']:.1%}",
            style=style,
        )
    known = [row["share"] for row in rows]
    if None not in known:
        loss = money(sum(row["loss"] for row in rows), usd)
        table.add_row("all", "", "", "", "", loss, f"{sum(known):.1%}", end_section=True)
    console.print(table)


SHOWN = "beyond its catastrophe stop since before the start"


def _size(row: Mapping[str, Any]) -> float:
    return float("inf") if row["loss"] is None else float(row["loss"])
