"""The models on disk as a table."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("pair", "model", "trained (UTC)", "age", "expires", "files", "last fit", "last failure")


def print_models(lines: Iterable[Any], now: float, console: "Console") -> None:
    """Print one line a pair, a table for each identifier."""
    from rich.table import Table

    tables: dict[str, Any] = {}
    for line in lines:
        if line.identifier not in tables:
            tables[line.identifier] = Table(
                *COLUMNS, title=line.identifier, box=None, pad_edge=False, title_justify="left"
            )
        tables[line.identifier].add_row(*cells(line, now))
    for table in tables.values():
        console.print(table)


def cells(line: Any, now: float) -> tuple[str, ...]:
    """Return the cells of one pair."""
    course = line.course
    fit = f"{course.seconds:.1f} s" if course.fitted_at else ""
    if course.peak_mb:
        fit += f", {course.peak_mb:.0f} MB"
    failure = ""
    if course.failed_at and (course.failures or course.failed_at > course.fitted_at):
        failure = f"{at(course.failed_at)} ×{course.failures}: {course.reason}"
        if course.retry_at > now:
            failure += f"; next try {at(course.retry_at)}"
    if not line.trained:
        return (line.pair, "", "none", "", "", "", fit, failure)
    expires = "never"
    if line.expires:
        expires = f"in {hours(line.expires - now)}" if line.expires > now else "EXPIRED"
    files = "ok" if not line.fault else f"BROKEN: {line.fault}"
    age = hours(now - line.trained)
    return (line.pair, line.model, at(line.trained), age, expires, files, fit, failure)


def print_quarantine(rows: Iterable[tuple[str, Any]], console: "Console") -> None:
    """Print what was set aside and why."""
    from rich.table import Table

    names = ("in quarantine", "identifier", "pair", "since", "why")
    table = Table(*names, box=None, pad_edge=False)
    for identifier, each in rows:
        since = at(each.at) if each.at else ""
        table.add_row(each.name, identifier, each.pair, since, each.reason)
    if table.row_count:
        console.print(table)


def at(seconds: float) -> str:
    """Return a time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def hours(seconds: float) -> str:
    """Return a span in hours, or in days from two of them on."""
    spent = seconds / 3_600
    return f"{spent:.1f} h" if abs(spent) < 48 else f"{spent / 24:.1f} d"
