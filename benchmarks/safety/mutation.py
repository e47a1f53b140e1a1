"""Does a test fail when the library is broken? ``python -m benchmarks mutation [ROOM …]``.

Draws a seeded sample of small faults (``benchmarks.safety.mutants``) in each room of the library,
puts one at a time into a copy of the project (``benchmarks.support.mutation_copy``) and runs the
tests that reach it (``mutation_map``), the likeliest first, until one fails. A fault is noticed
where a test fails, or does not end, that passes without the fault; those that change nothing
anyone could see are named in ``mutation_equivalents.json`` with the reason and are not drawn.
Prints progress and one JSON object last.
"""

import argparse
import datetime
import json
import os
import queue
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.safety.mutants import Mutant, mutants, mutated, optional_arguments
from benchmarks.support.mutation_copy import (
    Copy,
    default_work,
    imports,
    is_compiled,
    library_sources,
)
from benchmarks.support.mutation_map import Reach, Trial, words_of
from benchmarks.support.options import parser
from benchmarks.support.result import Result, Say, at_least, finish, progress

EQUIVALENTS = Path(__file__).parent / "mutation_equivalents.json"
STRICT = ("orders", "gate", "reconcile", "exits", "flows")
"""What must not be wrong: folders and files of these names in ``host`` and ``risk``, each a room of
its own here."""
STRICT_TARGET, TARGET = 0.95, 0.9
DIVIDED = ("host",)
"""Rooms whose folders count as rooms."""
SAMPLE, BUDGET = 20, 40.0
COMPILING = 240.0
"""Seconds more that tests have where Numba compiles first."""
LIVES = 3
"""How often a fault is tried anew because a test failed that fails without it too."""

Equivalents = Mapping[str, Mapping[str, str]]


class Fault(NamedTuple):
    """A mutant and the module that it is in, by its path in the library."""

    path: str
    mutant: Mutant

    @property
    def name(self) -> str:
        """What names the fault wherever its file lies."""
        return f"{owner(self.path, self.mutant.function)}  |  {self.mutant.key}"

    def __str__(self) -> str:
        return f"{self.path}:{self.mutant.line} {self.name}"


class Fate(NamedTuple):
    """What became of a fault: the test that noticed it, how ("test", "time", "crash"; empty where
    it survived; "?" where it cannot be decided), and how many tests were tried."""

    fault: Fault
    how: str
    by: str
    tried: int


def owner(path: str, function: str) -> str:
    """Return the name of a function, or of a module where code stands outside functions."""
    return function or f"<{Path(path).stem}>"


def room_of(path: str) -> str:
    """Return the room that a module counts to."""
    parts = Path(path).with_suffix("").parts
    if len(parts) == 1:
        return "freqpilot"
    if parts[0] in ("host", "risk"):
        for part in reversed(parts[1:]):
            if part in STRICT:
                return part
    if parts[0] in DIVIDED and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def faults_by_room(
    sources: Mapping[str, str], equivalents: Equivalents, paths: Iterable[str]
) -> dict[str, tuple[list[Fault], int]]:
    """Return every fault of some modules by room, but the equivalent ones, and their number."""
    optional = optional_arguments(sources)
    found: defaultdict[str, list[Fault]] = defaultdict(list)
    equal: Counter[str] = Counter()
    for path in paths:
        for mutant in mutants(sources[path], optional):
            if mutant.key in equivalents.get(owner(path, mutant.function), {}):
                equal[room_of(path)] += 1
            else:
                found[room_of(path)].append(Fault(path, mutant))
    return {room: (each, equal[room]) for room, each in found.items()}


def draw(faults: Sequence[Fault], count: int, seed: str) -> list[Fault]:
    """Return a sample, the same for the same faults and seed."""
    chosen = random.Random(seed).sample(list(faults), min(count, len(faults)))  # noqa: S311
    return sorted(chosen, key=lambda each: (each.path, each.mutant.start, each.mutant.after))


class Examiner:
    """Finds out what becomes of faults, in one copy of the project."""

    def __init__(self, copy: Copy, sources: Mapping[str, str], reach: Reach, budget: float) -> None:
        self._copy, self._sources, self._reach = copy, dict(sources), reach
        self._graph, self._budget = imports(self._sources), budget
        self._sound: dict[tuple[str, ...], bool] = {}
        self.unsound: set[str] = set()

    def fate(self, fault: Fault) -> Fate:
        """Return what becomes of a fault."""
        source = self._sources[fault.path]
        function = fault.mutant.function
        words = words_of(source, function)
        trials = self._reach.trials(fault.path, function, words, self._budget)
        slow = COMPILING if is_compiled(source) else 0.0
        for _ in range(LIVES):
            trials = [each for each in trials if each.test not in self.unsound]
            if not trials:
                return Fate(fault, "", "", 0)
            limit = 30 + 3 * sum(each.seconds for each in trials)
            with self._copy.changed(fault.path, mutated(source, fault.mutant), self._graph):
                answer = self._run(trials, limit + slow)
            if answer["outcome"] == "passed":
                return Fate(fault, "", "", len(trials))
            if answer["outcome"] == "time":
                by, how, tried = "", "time", trials
            else:
                by, how = answer["by"], "test" if answer["outcome"] == "failed" else "crash"
                tried = _until(trials, by)
            if self._passes(tried, limit):
                return Fate(fault, how, by, len(tried))
            self.unsound.add(by)
        return Fate(fault, "?", "", len(trials))

    def _run(self, trials: Sequence[Trial], limit: float) -> dict[str, Any]:
        files = list(dict.fromkeys(each.file for each in trials))
        return self._copy.run(files, [each.test for each in trials], limit, ["-x"])

    def _passes(self, trials: Sequence[Trial], limit: float) -> bool:
        """Tell whether tests pass without a fault within a limit; once for those of the same
        files that end with the same one."""
        key = (*dict.fromkeys(each.file for each in trials), trials[-1].test)
        if key not in self._sound:
            self._sound[key] = self._run(trials, limit)["outcome"] == "passed"
        return self._sound[key]


def _until(trials: list[Trial], by: str) -> list[Trial]:
    """Return the tests up to the one that failed; all where a file could not be loaded."""
    names = [each.test for each in trials]
    return trials[: names.index(by) + 1] if by in names else trials


def examine(faults: Sequence[Fault], examiners: Sequence[Examiner], say: Say) -> list[Fate]:
    """Return the fate of each fault; each examiner works in a thread."""
    waiting: queue.SimpleQueue[Fault] = queue.SimpleQueue()
    for fault in faults:
        waiting.put(fault)
    fates: list[Fate] = []
    began = time.monotonic()

    def work(examiner: Examiner) -> None:
        while True:
            try:
                fault = waiting.get_nowait()
            except queue.Empty:
                return
            fate = examiner.fate(fault)
            fates.append(fate)
            what = {"": "SURVIVES", "?": "UNDECIDED"}.get(fate.how, f"{fate.how}: {fate.by}")
            place = f"{len(fates)} of {len(faults)}, {time.monotonic() - began:.0f} s"
            say(f"{place}: {fault}  =>  {what} ({fate.tried} tests)")

    with ThreadPoolExecutor(len(examiners)) as pool:
        list(pool.map(work, examiners))  # raises what one has raised
    return fates


def answer(
    fates: Iterable[Fate],
    rooms: Mapping[str, tuple[Sequence[Fault], int]],
    unsound: Iterable[str],
    **about: str,
) -> Result:
    """Return each room's share of noticed faults, and the faults that survived."""
    by_room: defaultdict[str, list[Fate]] = defaultdict(list)
    for fate in fates:
        by_room[room_of(fate.fault.path)].append(fate)
    targets, figures, survivors = {}, {}, {}
    for room, found in sorted(by_room.items()):
        decided = [each for each in found if each.how != "?"]
        alive = sorted(str(each.fault) for each in decided if not each.how)
        share = 1 - len(alive) / len(decided) if decided else 1.0
        targets[f"{room}: noticed"] = at_least(share, STRICT_TARGET if room in STRICT else TARGET)
        figures[room] = {
            "faults": len(rooms[room][0]),
            "drawn": len(found),
            "noticed": len(decided) - len(alive),
            "survive": len(alive),
            "undecided": len(found) - len(decided),
            "stopped by the clock": sum(each.how == "time" for each in found),
            "equivalent, not drawn": rooms[room][1],
        }
        if alive:
            survivors[room] = alive
    failing = sorted(unsound)
    more = {"survivors": survivors, "fail without a fault": failing}
    return Result("mutation", figures, targets, not failing, {**about, **more}, strict=True)


def asked(words: Sequence[str], sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the modules that each word of the command names: those of a room, or one."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sources:
        found[room_of(path)].append(path)
    if not words:
        return dict(sorted(found.items()))
    chosen = {}
    for word in words:
        modules = [path for path in sources if f"/{path}".endswith(f"/{word}.py")]
        chosen[word] = found.get(word) or modules
        if not chosen[word]:
            raise SystemExit(
                f"no such room or module: {word}; rooms are {', '.join(sorted(found))}"
            )
    return chosen


def drawn(
    given: argparse.Namespace,
    seed: str,
    words: Mapping[str, Sequence[str]],
    rooms: Mapping[str, tuple[list[Fault], int]],
) -> list[Fault]:
    """Return the faults that the command asks for."""
    every = [each for faults, _ in rooms.values() for each in faults]
    if given.again:
        text = given.again.read_text(encoding="utf-8").strip().splitlines()[-1]
        alive = [line for lines in json.loads(text)["survivors"].values() for line in lines]
        names = {line.partition(" ")[2] for line in alive}
        return [each for each in every if each.name in names]
    found: list[Fault] = []
    for word, paths in words.items():
        faults = [each for each in every if each.path in set(paths)]
        count = len(faults) if given.sample == "all" else int(given.sample)
        found += draw(faults, count, f"{seed}:{word}")
    return found


def learn(reach: Reach, work: Path, say: Say) -> None:
    """Look at the test files that are new or have changed."""
    if missing := reach.missing():
        say(f"finding out what {len(missing)} test files reach, once")
        copy = Copy(work / "traced", traced=True)
        copy.compile_from(None)
        reach.learn(missing, copy, say)
        copy.close()


def options() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    made = parser("mutation", __doc__ or "")
    what = "a room (risk, host/run, orders) or a module (entries/limits); none: every room"
    made.add_argument("rooms", nargs="*", metavar="ROOM", help=what)
    made.add_argument("--sample", default=str(SAMPLE), help="faults of each room, or all")
    made.add_argument("--seed", default="today", help="draws the sample; today: the date")
    made.add_argument("--budget", type=float, default=BUDGET, help="seconds of tests for a fault")
    made.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    made.add_argument("--work", type=Path, default=default_work(), help="folder of the copies")
    made.add_argument("--again", type=Path, help="a JSON of before: only what survived there")
    return made


def seed_of(word: str) -> str:
    """Return a seed; that of today is the date."""
    return datetime.datetime.now(datetime.UTC).date().isoformat() if word == "today" else word


def copies_of(work: Path, count: int) -> list[Copy]:
    """Return as many copies; what the first has compiled, the others take over."""
    made: list[Copy] = []
    for number in range(max(1, count)):
        made.append(Copy(work / f"copy-{number}"))
        made[-1].compile_from(made[0] if number else None)
    return made


def main() -> int:
    """Examine the rooms and print; returns the exit status."""
    given, say = options().parse_args(), progress()
    seed, sources = seed_of(given.seed), library_sources()
    words = asked(given.rooms, sources)
    paths = sorted({path for each in words.values() for path in each})
    rooms = faults_by_room(sources, json.loads(EQUIVALENTS.read_text(encoding="utf-8")), paths)
    faults = drawn(given, seed, words, rooms)
    given.work.mkdir(parents=True, exist_ok=True)
    reach = Reach(given.work / "map.json")
    learn(reach, given.work, say)
    copies = copies_of(given.work, min(given.workers, len(faults)))
    examiners = [Examiner(copy, sources, reach, given.budget) for copy in copies]
    try:
        fates = examine(faults, examiners, say)
    finally:
        for copy in copies:
            copy.close()
    unsound = {test for each in examiners for test in each.unsound}
    return finish(answer(fates, rooms, unsound, sample=given.sample, seed=seed), given)


if __name__ == "__main__":
    sys.exit(main())
