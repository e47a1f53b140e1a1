"""Everything about facts by one command: ``python -m benchmarks facts --json``.

The parts are functions of their own: ``join`` imports ten million facts and joins a year of candles
with twenty metrics (:mod:`benchmarks.facts.facts_join`), ``collector`` runs ``freqpilot collect``
ten minutes against stand-in sources with faults and kills (:mod:`benchmarks.facts.collector`), each
in SQLite and in a PostgreSQL server of its own; ``text`` is the throughput of text models and what
ships against the lexicon (:mod:`benchmarks.facts.facts_text`). ``--rows``, ``--minutes``,
``--parts`` and ``--databases`` shorten it. Prints one JSON object last; exits non-zero unless all
that was asked for is as it must be.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.facts import collector, facts_join, facts_text
from benchmarks.support.postgres import DURABLE, Cluster, cluster

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


@dataclass(frozen=True)
class Result:
    """A part's figures, and whether all is as it must be."""

    figures: dict[str, Any]
    ok: bool


_names = count()


def join(given: Given) -> Result:
    """Import and as-of join; what it finds must equal a plain loop."""
    figures = {}
    for database in given.databases:
        with tempfile.TemporaryDirectory() as folder:
            url = _empty(given, database)
            figures[database] = facts_join.measure(given.rows, Path(folder), url)
    return Result(figures, all(each["parity"] for each in figures.values()))


def collecting(given: Given) -> Result:
    """The collector under faults; nothing may be lost, doubled or wrong."""
    figures = {}
    for database in given.databases:
        url = _empty(given, database)
        run = (given.minutes, 7, 0.15, given.kills, given.drain, url)
        figures[database] = collector.measure(*run)
    return Result(figures, all(collector.passed(each) for each in figures.values()))


def scoring(given: Given) -> Result:
    """Texts; an export must say the same three times as fast, the encoder more than the lexicon."""
    return Result(*facts_text.measure(given.texts))


PARTS: dict[str, Callable[[Given], Result]] = {
    "join": join,
    "collector": collecting,
    "text": scoring,
}


def measure(parts: Sequence[str], given: Given) -> dict[str, Any]:
    """Run parts and return their figures in one document."""
    document: dict[str, Any] = {"name": "facts", "synthetic": True, "ok": True, "parts": {}}
    with ExitStack() as stack:
        if "postgresql" in given.databases and given.server is None:
            server = stack.enter_context(cluster(DURABLE))
            given = Given(**{**vars(given), "server": server})
        for name in parts:
            result = PARTS[name](given)
            document["parts"][name] = {**result.figures, "ok": result.ok}
            document["ok"] &= result.ok
    return document


def _empty(given: Given, database: str) -> str | None:
    """Return the URL of an empty database of the server; None for a SQLite file."""
    if database == "sqlite" or given.server is None:
        return None
    return given.server.create(f"facts_{next(_names)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print nothing but the result")
    parser.add_argument("--parts", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=[*DATABASES])
    parser.add_argument("--rows", type=int, default=Given.rows, help="facts of the join")
    parser.add_argument("--minutes", type=float, default=Given.minutes, help="of the collector")
    parser.add_argument("--drain", type=float, default=Given.drain, help="seconds without faults")
    parser.add_argument("--kills", type=int, default=Given.kills, help="of the collector")
    parser.add_argument("--texts", type=Path, default=Given.texts, help="folder of labelled sets")
    options = parser.parse_args()
    given = Given(
        options.rows,
        options.minutes,
        options.drain,
        options.kills,
        tuple(options.databases),
        options.texts,
    )
    if not options.json:
        print(f"SYNTHETIC facts: {', '.join(options.parts)} in {', '.join(given.databases)}")
    document = measure(options.parts, given)
    print(json.dumps(document, indent=None if options.json else 1))
    sys.exit(0 if document["ok"] else 1)
