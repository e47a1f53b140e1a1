"""Counts the places where Freqpilot meets Freqtrade and lists them: ``python -m benchmarks seams``.

Each seam has a line in ``docs/seams.md``; ``--write`` brings the page up to date. Their number has
a limit, as each one is what a new Freqtrade may break. Prints one JSON object last; exits non-zero
when the page is not up to date.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.support.options import parser
from benchmarks.support.result import Result, at_most, finish
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


def measure(table: dict[str, Sequence[Seam]], page: Path) -> Result:
    """Count the seams and compare the page with them."""
    seams = [seam for group in table.values() for seam in group]
    places = [place for seam in seams for place in seam.places]
    count = {"seams": len(seams), "replaced": sum(place.make is not None for place in places)}
    return Result(
        "seams",
        figures={**count, "used": len(places) - count["replaced"]},
        targets={name: at_most(count[name], limit) for name, limit in BUDGET.items()},
        parity=section(table) in page.read_text(encoding="utf-8"),
        strict=True,
    )


def main() -> int:
    """Write the page where that was asked for, count and print; returns the exit status."""
    made = parser("seams", __doc__)
    made.add_argument("--write", action="store_true", help="bring docs/seams.md up to date")
    given = made.parse_args()
    table = seams_by_group()
    if given.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(f"{END}\n")[2]
        PAGE.write_text(before + section(table) + after, encoding="utf-8")
    return finish(measure(table, PAGE), given)


if __name__ == "__main__":
    sys.exit(main())
