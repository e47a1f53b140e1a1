"""Everything about facts by one command: ``python -m benchmarks facts --json``.

The parts are functions of their own: ``join`` imports ten million facts and joins a year of candles
with twenty metrics (:mod:`benchmarks.facts.facts_join`), ``collector`` runs ``freqpilot collect``
ten minutes against stand-in sources with faults and kills (:mod:`benchmarks.facts.collector`), each
in SQLite and in a PostgreSQL server of its own; ``text`` is the throughput of text models and what
ships against the lexicon (:mod:`benchmarks.facts.facts_text`). ``--rows``, ``--minutes``,
``--parts`` and ``--databases`` shorten it. Prints one JSON object last; exits non-zero unless all
that was asked for is as it must be.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.facts import collector, facts_join, facts_text
from benchmarks.support.options import parser
from benchmarks.support.postgres import DURABLE, Cluster, cluster
from benchmarks.support.result import Result, Target, finish, progress

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Given:
    """What to run: ``rows`` of the join, ``minutes`` (and seconds of ``drain`` after them) of the
    collector with ``kills``; ``databases`` by name, ``texts`` the folder of labelled sets,
    ``server`` the one of PostgreSQL."""

    rows: int = 10_000_000
    minutes: float = 10.0
    drain: float = collector.DRAIN
    kills: int = 8
    databases: tuple[str, ...] = DATABASES
    texts: Path = facts_text.DATA
    server: Cluster | None = None


_names = count()


def join(given: Given) -> dict[str, Result]:
    """Import and as-of join in each database; what it finds must equal a plain loop."""
    found = {}
    for database in given.databases:
        with tempfile.TemporaryDirectory() as folder:
            url = _empty(given, database)
            found[database] = facts_join.measure(given.rows, Path(folder), url)
    return found


def collecting(given: Given) -> dict[str, Result]:
    """The collector under faults in each database; nothing may be lost, doubled or wrong."""
    found = {}
    for database in given.databases:
        url = _empty(given, database)
        run = (given.minutes, 7, 0.15, given.kills, given.drain, url)
        found[database] = collector.measure(*run)
    return found


def scoring(given: Given) -> dict[str, Result]:
    """Texts; an export must say the same three times as fast, the encoder more than the lexicon."""
    return {"texts": facts_text.measure(given.texts)}


PARTS: dict[str, Callable[[Given], dict[str, Result]]] = {
    "join": join,
    "collector": collecting,
    "text": scoring,
}


def measure(parts: Sequence[str], given: Given) -> Result:
    """Run parts and return what they found as one result, whose parity holds where each part is as
    it must be."""
    figures: dict[str, Any] = {}
    targets: dict[str, Target] = {}
    sound: dict[str, bool] = {}
    with ExitStack() as stack:
        if "postgresql" in given.databases and given.server is None:
            server = stack.enter_context(cluster(DURABLE))
            given = Given(**{**vars(given), "server": server})
        for name in parts:
            found = PARTS[name](given)
            figures[name] = {of: dict(each.figures) for of, each in found.items()}
            sound[name] = all(each.ok for each in found.values())
            for of, each in found.items():
                targets |= {f"{name}, {of}: {what}": row for what, row in each.targets.items()}
    about = {"synthetic": True, "sound": sound}
    return Result("facts", figures, targets, all(sound.values()), about)


def _empty(given: Given, database: str) -> str | None:
    """Return the URL of an empty database of the server; None for a SQLite file."""
    if database == "sqlite" or given.server is None:
        return None
    return given.server.create(f"facts_{next(_names)}")


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("facts", __doc__)
    made.add_argument("--parts", nargs="+", choices=[*PARTS], default=[*PARTS])
    made.add_argument("--databases", nargs="+", choices=DATABASES, default=[*DATABASES])
    made.add_argument("--rows", type=int, default=Given.rows, help="facts of the join")
    made.add_argument("--minutes", type=float, default=Given.minutes, help="of the collector")
    made.add_argument("--drain", type=float, default=Given.drain, help="seconds without faults")
    made.add_argument("--kills", type=int, default=Given.kills, help="of the collector")
    made.add_argument("--texts", type=Path, default=Given.texts, help="folder of labelled sets")
    options = made.parse_args()
    given = Given(
        options.rows,
        options.minutes,
        options.drain,
        options.kills,
        tuple(options.databases),
        options.texts,
    )
    progress()(f"SYNTHETIC facts: {', '.join(options.parts)} in {', '.join(given.databases)}")
    return finish(measure(options.parts, given), options)
