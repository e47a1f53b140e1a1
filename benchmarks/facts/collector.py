"""The collector against stand-in sources with faults, killed now and then:
``python -m benchmarks collector --minutes 10 --json``.

SYNTHETIC sources on loopback, the real ``freqpilot collect`` in a process of its own. Afterwards
the store is compared with what was true: LOST are events or headlines that are missing or whose
newest version is not the last one told, DOUBLED are versions that say the same twice, WRONG are
values that were never true. Prints one JSON object last; exits non-zero unless all three are 0.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from benchmarks.support.options import parser
from benchmarks.support.result import Result, exactly, finish, progress
from freqpilot.facts.feeds import feeds
from freqpilot.facts.store import FactStore
from freqpilot.rehearsal.facts.server import FactSources
from freqpilot.rehearsal.facts.world import FactWorld
from freqpilot.store.tables import FactEngagementRow, FactItemRow

FAULTS = ("LOST", "DOUBLED", "WRONG")
"""What must not happen to a fact, once."""
EVERY = 2.0
"""Seconds between two turns of a source."""
DRAIN = 60.0
"""Seconds without faults at the end, for what is still to come."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start(config: Path, userdir: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the collector as a user does."""
    command = [sys.executable, "-m", "freqpilot.cli", "collect", "-c", str(config)]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*command, "--userdir", str(userdir)], stdout=out, stderr=out, env=os.environ
        )


def play(
    sources: FactSources,
    folder: Path,
    seconds: float,
    kills: int,
    drain: float,
    seed: int,
    url: str,
) -> int:
    """Run the collector against the sources, into the database ``url``, and return how often it
    was killed."""
    userdir, log = folder / "user_data", folder / "collector.log"
    userdir.mkdir()
    config = folder / "config.json"
    facts = {"sources": sources.settings(EVERY / 60), "timeout": 3, "url": url}
    document = {"exchange": {"name": "binance"}, "freqpilot": {"facts": facts}}
    config.write_text(json.dumps(document))
    draw = random.Random(seed)  # noqa: S311
    begun = time.monotonic()
    # Not in the first seconds, in which the process only starts.
    moments = sorted(draw.uniform(0.05, 1) * seconds for _ in range(kills))
    collector, killed = start(config, userdir, log), 0
    try:
        for moment in moments:
            time.sleep(max(0.0, moment - (time.monotonic() - begun)))
            collector.kill()
            collector.wait()
            killed += 1
            collector = start(config, userdir, log)
        time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
        sources.rate = 0.0
        time.sleep(drain)
        collector.send_signal(signal.SIGTERM)
        collector.wait(30)
    finally:
        collector.kill()
        collector.wait()
    return killed


def compare(world: FactWorld, store: FactStore) -> tuple[dict[str, int], list[str]]:
    """Return what was lost, doubled or wrong, with the first cases in words."""
    counts = dict.fromkeys(FAULTS, 0)
    told: list[str] = []

    def found(kind: str, text: str) -> None:
        counts[kind] += 1
        told.append(f"{kind} {text}")

    catalogue = store.catalogue()
    for series, truth in world.truth().items():
        versions: dict[datetime, list[float]] = {}
        if series in catalogue:
            versions = _versions(store, catalogue[series], found, "/".join(series))
        for event, values in truth.items():
            name = f"{'/'.join(series)} of {event:%Y-%m-%d}"
            last = world.newest(series, event)
            kept = versions.pop(event, [])
            if not kept or (last is not None and kept[-1] != last):
                found("LOST", f"{name}: {kept} for {values}")
            for value in set(kept) - values:
                found("WRONG", f"{name}: {value}")
        for event, kept in versions.items():
            found("WRONG", f"{'/'.join(series)} of {event}: {kept} never happened")
    _market(world, store, catalogue, found)
    _headlines(world, store, found)
    _posts(world, store, found)
    return counts, told


def _versions(store: FactStore, number: int, found: Any, name: str) -> dict[datetime, list[float]]:
    rows = store.observations(number)
    versions: dict[datetime, list[float]] = {}
    pairs = zip(rows.event.tolist(), rows.value.tolist(), strict=True)
    for event, group in groupby(pairs, key=lambda pair: pair[0]):
        time_of = EPOCH + timedelta(microseconds=event)
        values = [value for _, value in group]
        for one, other in pairwise(values):
            # A reading set aside is NaN, which is never the same.
            if one == other:
                found("DOUBLED", f"{name} of {time_of}: {one}")
        good = [value for value in values if np.isfinite(value)]
        if good:
            # An event that only was set aside is of a stamp that was spoilt.
            versions[time_of] = good
    return versions


def _market(world: FactWorld, store: FactStore, catalogue: Any, found: Any) -> None:
    number = catalogue.get(("coingecko", "*", "total_market_cap"))
    if number is None:
        found("LOST", "coingecko: nothing")
        return
    for event, values in _versions(store, number, found, "coingecko").items():
        for value in values:
            if value != world.market(int(event.timestamp())):
                found("WRONG", f"coingecko of {event}: {value}")


def _headlines(world: FactWorld, store: FactStore, found: Any) -> None:
    row = FactItemRow
    with store.engine.connect() as connection:
        rows = connection.execute(select(row.source, row.url, row.text)).all()
    for feed in ("north", "south"):
        wanted = world.headlines(feed)
        kept = [each for each in rows if each.source == f"rss.{feed}"]
        urls = [each.url for each in kept]
        _same(wanted, urls, found, "headline")
        for each in kept:
            place = each.url.rsplit("/", 1)[-1]
            if each.text != f"Headline {place} of {feed} & others":
                found("WRONG", f"headline {each.url}: {each.text}")


def _posts(world: FactWorld, store: FactStore, found: Any) -> None:
    row, seen = FactItemRow, FactEngagementRow
    with store.engine.connect() as connection:
        posts = connection.execute(select(row.key, row.text).where(row.source == "reddit")).all()
        query = select(seen.key, seen.value).where(seen.source == "reddit")
        counts = connection.execute(query.order_by(seen.known_at)).all()
    wanted = world.posts()
    _same(wanted, [each.key for each in posts], found, "post")
    for each in posts:
        if each.text != world.title(each.key):
            found("WRONG", f"post {each.key}: {each.text}")
    newest = {each.key: each.value for each in counts}
    for key in wanted:
        told, true = newest.get(key, -1.0), world.reactions(key)
        # What has grown by less than a quarter since it was kept is not kept anew; with room.
        if not told <= true <= 1.5 * told + 3:
            found("LOST", f"engagement of {key}: {told:g} of {true}")


def _same(wanted: list[str], kept: list[str], found: Any, what: str) -> None:
    for name in set(wanted) - set(kept):
        found("LOST", f"{what} {name}")
    for name in {each for each in kept if kept.count(each) > 1}:
        found("DOUBLED", f"{what} {name}")


def measure(
    minutes: float, seed: int, rate: float, kills: int, drain: float, server: str | None = None
) -> Result:
    """Return the figures of one run, into a SQLite file or an empty database of a server."""
    seconds = minutes * 60
    world = FactWorld(seconds=seconds, pace=1.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = server or f"sqlite:///{folder / 'user_data' / 'freqpilot-facts.sqlite'}"
        with FactSources(world, seed=seed, rate=rate) as sources:
            killed = play(sources, folder, seconds, kills, drain, seed, url)
        store = FactStore.open(url, writes=False)
        try:
            counts, told = compare(world, store)
            states = feeds(store)
            facts = sum(each.count for each in store.summary())
        finally:
            store.close()
        log = (folder / "collector.log").read_text()
    figures = {
        "cases": told[:20],
        "facts": facts,
        "kept": sum(each.added for each in states),
        "set_aside": sum(each.quarantined for each in states),
        "rows_refused": sum(each.refused for each in states),
        "requests": sum(sources.served.values()),
        "faults": dict(sorted(sources.faults.items())),
        "kills": killed,
        "tracebacks": log.count("Traceback"),
    }
    database = store.engine.dialect.name
    about = {"synthetic": True, "database": database, "minutes": minutes, "seed": seed}
    targets = {name: exactly(count, 0) for name, count in counts.items()}
    return Result("collector", figures, targets, about=about, strict=True)


def main() -> int:
    """Run and print; returns the exit status."""
    made = parser("collector", __doc__)
    made.add_argument("--minutes", type=float, default=10.0)
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--rate", type=float, default=0.15, help="share of faulty answers")
    made.add_argument("--kills", type=int, default=8, help="SIGKILLs of the collector")
    made.add_argument("--drain", type=float, default=DRAIN, help="seconds without faults")
    given = made.parse_args()
    progress()(f"SYNTHETIC sources, {given.minutes:g} minutes, faults on {given.rate:.0%}")
    return finish(measure(given.minutes, given.seed, given.rate, given.kills, given.drain), given)


if __name__ == "__main__":
    sys.exit(main())
