"""Counts the places where Freqpilot meets Freqtrade and lists them: ``python -m benchmarks seams``.

Each seam has a line in ``docs/seams.md``; ``--write`` brings the page up to date. Their number has
a limit, as each one is what a new Freqtrade may break. Prints one JSON object last; exits non-zero
when the page is not up to date.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.support.page import write_section
from freqpilot.host.boot.start import TABLE
from freqpilot.host.seams.seam import Place, Seam

PAGE = Path(__file__).resolve().parents[2] / "docs" / "seams.md"
BEGIN, END = "<!-- seams: begin -->", "<!-- seams: end -->"
BUDGET = {"seams": 40, "replaced": 65}
"""Most seams, and most names of Freqtrade that they replace. A new one takes the place of another,
or its commit says why it does not. What is only used may grow: it is checked, and nothing else."""


MANY = 16
"""Most names that the page lists of a seam."""


def short(place: Place) -> str:
    """Return a place without its module's packages: ``Worker._sleep``, ``misc.chunks``."""
    module, _, path = place.at.partition(":")
    return f"`{path if '.' in path else module.rpartition('.')[2] + '.' + path}`"


def used_by(seam: Seam) -> str:
    """Return what a seam only uses; of many names how many each class has."""
    used = [short(place) for place in seam.places if place.make is None]
    if len(used) <= MANY:
        return ", ".join(used)
    owners = Counter(name.strip("`").rpartition(".")[0] for name in used)
    return ", ".join(f"`{owner}` ({count} names)" for owner, count in owners.items())


def row(group: str, seam: Seam) -> str:
    """Return the line of a seam in the table."""
    replaced = ", ".join(short(place) for place in seam.places if place.make is not None)
    used = used_by(seam)
    cells = (f"`{seam.name}`", group, seam.purpose, replaced or "–", used or "–", seam.until)
    return f"| {' | '.join(cells)} |"


def section(table: dict[str, Sequence[Seam]]) -> str:
    """Return the table of the page."""
    lines = [
        BEGIN,
        "| seam | group | Freqpilot needs it to | it replaces | it uses | it can go when |",
        "|---|---|---|---|---|---|",
        *(row(group, seam) for group, seams in table.items() for seam in seams),
        END,
        "",
    ]
    return "\n".join(lines)


def seams_by_group() -> dict[str, Sequence[Seam]]:
    """Return every seam by its group, in the order in which they are applied."""
    return {group: seams() for group, seams in TABLE.items()}


def measure(table: dict[str, Sequence[Seam]], page: Path) -> dict[str, Any]:
    """Return the document that is printed."""
    seams = [seam for group in table.values() for seam in group]
    places = [place for seam in seams for place in seam.places]
    count = {
        "seams": len(seams),
        "replaced": sum(place.make is not None for place in places),
        "used": sum(place.make is None for place in places),
    }
    return {
        "name": "seams",
        "parity": section(table) in page.read_text(encoding="utf-8"),
        "targets": {
            name: {"value": count[name], "target": limit, "ok": count[name] <= limit}
            for name, limit in BUDGET.items()
        },
        "figures": {group: [seam.name for seam in seams] for group, seams in table.items()},
    }


def main() -> None:
    """Write the page where that was asked for, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring docs/seams.md up to date")
    table = seams_by_group()
    if parser.parse_args().write:
        write_section(PAGE, BEGIN, END, section(table))
    found = measure(table, PAGE)
    print(json.dumps(found))
    sys.exit(0 if found["parity"] else 1)


if __name__ == "__main__":
    main()
