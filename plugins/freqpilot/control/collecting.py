"""The collector's feeds and the sources there are, as tables."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from freqpilot.facts.sources.base import Spec


def print_status(lines: Iterable[Any], console: "Console") -> None:
    """Print one line a feed."""
    from rich.table import Table

    names = ("source", "feed", "state", "last answer", "newest event", "kept", "set aside", "why")
    table = Table(*names, box=None, pad_edge=False)
    for line in lines:
        times = (_time(line.answered_at), _time(line.newest_event))
        counts = (f"{line.added:,}", f"{line.quarantined:,}")
        table.add_row(line.source, line.feed, line.state, *times, *counts, line.why)
    console.print(table)


def print_sources(specs: Mapping[str, "Spec"], console: "Console") -> None:
    """Print one line a source."""
    from rich.table import Table

    table = Table("source", "what", "asked every", "key", "", box=None, pad_edge=False)
    for name, spec in specs.items():
        key = "none"
        if spec.key is not None:
            key = spec.key.env if spec.key.needed else f"{spec.key.env} (optional)"
            key += ", set" if os.environ.get(spec.key.env) else ""
        minutes = spec.every.total_seconds() / 60
        table.add_row(name, spec.about, f"{minutes:g} min", key, spec.licence)
    console.print(table)


def print_quarantine(rows: Iterable[tuple[Any, ...]], console: "Console") -> None:
    """Print the readings that were set aside last."""
    from rich.table import Table

    table = Table("source/metric@asset", "event", "value", "why", box=None, pad_edge=False)
    for source, asset, metric, event, value, reason in rows:
        shown = "" if value is None else f"{value:g}"
        table.add_row(f"{source}/{metric}@{asset}", _time(event), shown, reason)
    if table.row_count:
        console.print(table)


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""
