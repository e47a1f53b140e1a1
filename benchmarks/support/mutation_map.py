"""Which tests reach which function of the library: learnt by running each test file once in a copy
of the project whose functions note that they were reached, and kept until the test file changes.

It says only which tests are tried first: that a test notices a fault is always found out by
running it with the fault and without.
"""

import ast
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.support.mutation_copy import LIBRARY, ROOT, Copy

FILE_LIMIT, TEST_LIMIT = 400.0, 60.0
"""Seconds that a test file and a test have when they are looked at; a longer test is left out."""
MOST_FILES, MOST_TESTS = 14, 500
LEFT_OUT = ("realdata",)
"""Folders of tests that need more than the repository."""


class Trial(NamedTuple):
    """A test that may notice a fault: its file, its name for pytest, its seconds."""

    file: str
    test: str
    seconds: float


class Reach:
    """What is known of the tests, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, Any]] = {}
        if file.exists():
            self._found = json.loads(file.read_text(encoding="utf-8"))
        here = {str(each.relative_to(ROOT)) for each in test_files()}
        self._found = {name: row for name, row in self._found.items() if name in here}
        self._by_function: dict[str, list[Trial]] = {}
        self._index()

    def missing(self) -> list[str]:
        """Return the test files that were not looked at as they are now."""
        found = []
        for file in test_files():
            row = self._found.get(str(file.relative_to(ROOT)))
            if row is None or row["digest"] != _digest(file) or _is_gone(row["modules"]):
                found.append(str(file.relative_to(ROOT)))
        return found

    def learn(self, files: Sequence[str], copy: Copy, say: Callable[[str], None]) -> None:
        """Look at test files, and keep what is found after each."""
        for at, name in enumerate(files):
            options = ("-o", f"timeout={TEST_LIMIT}", "--maxfail=1000")
            answer = copy.run([name], [], FILE_LIMIT, options)
            self._found[name] = {
                "digest": _digest(ROOT / name),
                "modules": answer["modules"],
                "tests": answer["tests"],
            }
            say(f"{at + 1} of {len(files)}: {name}, {len(answer['tests'])} tests")
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._found), encoding="utf-8")
            part.replace(self._file)
        self._index()

    def _index(self) -> None:
        found: defaultdict[str, list[Trial]] = defaultdict(list)
        for file, row in self._found.items():
            for test, what in row["tests"].items():
                if not what["failed"]:
                    for function in what["functions"]:
                        found[function].append(Trial(file, test, what["seconds"]))
        self._by_function = dict(found)

    def trials(self, path: str, function: str, words: Iterable[str], budget: float) -> list[Trial]:
        """Return the tests that may notice a fault of a function, the likeliest first: those of
        the module's own test files, then the quickest, as many as a budget of seconds allows.

        Of code outside functions, and of functions that Numba compiles, no test notes that it
        reaches them; there it is the tests of files that load the module.

        :param path: the module's path in the library
        :param words: what a test file that is about the fault would name
        """
        reached = self._by_function.get(f"{path}:{function}", [])
        affinity = self._affinity(path, words)
        if not reached:
            reached = [
                Trial(file, test, what["seconds"])
                for file in affinity
                for test, what in self._found[file]["tests"].items()
                if not what["failed"]
            ]
        return _within(reached, affinity, budget)

    def is_reached(self, path: str, function: str) -> bool:
        """Tell whether a test noted that it reached a function."""
        return f"{path}:{function}" in self._by_function

    def _affinity(self, path: str, words: Iterable[str]) -> dict[str, float]:
        """Return how near each test file is to a module that it loads."""
        module = Path(path).with_suffix("")
        dotted = ".".join(("freqpilot", *module.parts)).removesuffix(".__init__")
        parts = [part for part in module.parts if part != "__init__"]
        found = {}
        for file, row in self._found.items():
            name, text = Path(file).stem, _text(file)
            if dotted not in row["modules"] and dotted not in text:
                continue
            score = 3.0 * name.endswith(f"_{parts[-1]}") + 2.0 * (dotted in text)
            score += sum(part in Path(file).parts or part in name for part in parts)
            score += sum(word in text for word in words if word)
            found[file] = score
        return found


def _within(trials: list[Trial], affinity: dict[str, float], budget: float) -> list[Trial]:
    by_file: defaultdict[str, list[Trial]] = defaultdict(list)
    for each in trials:
        by_file[each.file].append(each)
    quickest = {file: min(each.seconds for each in found) for file, found in by_file.items()}
    order = sorted(by_file, key=lambda file: (-affinity.get(file, 0.0), quickest[file], file))
    chosen: list[Trial] = []
    spent = 0.0
    for place, file in enumerate(order[:MOST_FILES]):
        share = budget * (0.5 if place == 0 else 0.25)  # of one file, so that others have a turn
        for each in sorted(by_file[file], key=lambda each: each.seconds):
            if each.seconds > share or spent + each.seconds > budget or len(chosen) >= MOST_TESTS:
                break
            chosen.append(each)
            spent, share = spent + each.seconds, share - each.seconds
    return chosen


def test_files() -> list[Path]:
    """Return the test files."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [each for each in files if each.parent.name not in LEFT_OUT]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _is_gone(modules: Iterable[str]) -> bool:
    """Tell whether a module that a test file loaded has moved."""
    folder = ROOT / LIBRARY.parent
    for name in modules:
        place = folder.joinpath(*name.split("."))
        if not place.with_suffix(".py").exists() and not (place / "__init__.py").exists():
            return True
    return False


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def words_of(source: str, function: str) -> list[str]:
    """Return the names that a test of a function, or of code outside functions, would use."""
    if function:
        return [part for part in function.split(".") if part != "__init__"]
    tree = ast.parse(source)
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
