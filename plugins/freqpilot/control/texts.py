"""What is made of texts, as tables."""

from collections.abc import Sequence
from typing import Any


def print_scores(found: Sequence[Any], console: Any) -> None:
    """Print the score of each text."""
    from rich.table import Table
    from rich.text import Text

    table = Table("score", "confidence", "by", "text", box=None, pad_edge=False)
    for each in found:
        figures = (f"{each.scored.score:+.3f}", f"{each.scored.confidence:.2f}")
        table.add_row(*figures, each.model, Text(each.text))
    console.print(table)


def print_links(found: Sequence[Any], console: Any) -> None:
    """Print the coins and events of each text."""
    from rich.table import Table
    from rich.text import Text

    table = Table("coin", "by", "event", "confidence", "text", box=None, pad_edge=False)
    for each in found:
        events = {event.asset: event for event in each.events}
        coins = {link.asset: link.why for link in each.links}
        for place, asset in enumerate(dict.fromkeys([*coins, *events]) or ("-",)):
            event = events.get(asset)
            told = (event.kind, f"{event.confidence:.1f}") if event else ("", "")
            text = Text("" if place else each.text)
            table.add_row(asset, Text(coins.get(asset, "")), *told, text)
    console.print(table)
