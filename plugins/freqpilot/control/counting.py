"""The counters of a bot as a person or a program reads them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from freqpilot.control.tally import CUT, REFUSED

MEANINGS = {
    "orders_allowed": "orders that the gate let pass",
    "entries_sized": "entries that got a stake",
    "entries_vetoed": "entries that got none",
    "stakes_cut_by_book": "stakes made smaller by the book as a whole",
    "gate_errors": "faults of the gate itself: each refused its order",
    "orders_uncertain": "orders whose answer was lost: each was looked up",
    "differences": "differences between the exchange and the database that a person heard of",
    "stops_failed": "positions closed because no stop could be placed",
    "stops_jumped": "positions closed because the price had jumped their stop",
    "catastrophe_stops_placed": "catastrophe stops that were placed or moved on the exchange",
    "catastrophe_stops_failed": "tries to place one that failed: the bot leaves at that price",
    "shadow orders left out": "refused orders above 2,000 a day, which refusals --shadow lacks",
    "sleeves_switched_off": "sleeves that were switched off for their drawdown",
    "orphan_legs": "legs of a pair closed because the other one was gone",
    "couples_refused": "pairs of legs of which neither was opened",
    "books looks": "looks at orders, positions and coins on the exchange",
    "books requests": "requests that they cost",
    "books refused": "requests that the exchange refused because there were too many",
    "books waited": "loops in which a look had to wait for its turn",
    "books failed": "looks that the exchange did not answer",
    "books passed": "differences that the second look did not show any more",
    "books mended": "differences that were mended",
}
"""What is counted, in words; a counter without words is shown by its name."""


def rows(
    total: Mapping[str, int], days: Iterable[Mapping[str, Any] | None], today: date
) -> list[tuple[str, str, int, int]]:
    """Return name, meaning, today's and all-time value of each counter, refusals last, the most
    frequent first.

    :param days: what the dry run and the live account have kept of their last day.
    """
    counts: Counter[str] = Counter()
    for each in days:
        if each and each["day"] == today.isoformat():
            counts.update(each["counts"])
    names = sorted(total, key=lambda name: (name.startswith(REFUSED), -total[name], name))
    return [(name, _meaning(name), counts[name], total[name]) for name in names]


def print_counters(found: list[tuple[str, str, int, int]], console: Any) -> None:
    """Print the counters."""
    from rich.table import Table
    from rich.text import Text

    table = Table("counter", "today", "all time", "what it counts")
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, meaning, day, total in found:
        table.add_row(Text(name), f"{day:,}", f"{total:,}", Text(meaning))
    console.print(table)


def _meaning(name: str) -> str:
    if name.startswith(REFUSED):
        return "orders and entries refused by this rule"
    if name.startswith(CUT):
        return "stakes cut to this limit"
    if name.startswith("found: "):
        return "differences of this kind that two looks agreed on"
    return MEANINGS.get(name, "")
