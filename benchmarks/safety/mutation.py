"""Does a test fail when the risk room is broken? ``python -m benchmarks mutation [MODULE …]``.

Each mutant of ``freqpilot.risk`` (``benchmarks.safety.mutants``) gets a forked process in which the
room's tests run until one fails, the module's own file first. A mutant that no test notices
survives; those that cannot be noticed are named in ``mutation_equivalents.json`` with the reason,
and do not count. Prints progress and one JSON object last.
"""

import argparse
import ast
import gc
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from benchmarks.safety.mutants import Mutant, mutants, mutated

ROOT = Path(__file__).resolve().parents[2]
ROOM = ROOT / "plugins" / "freqpilot" / "risk"
TESTS = ROOT / "tests" / "risk"
EQUIVALENTS = Path(__file__).parent / "mutation_equivalents.json"
STRICT = (
    *("breakers", "diversification", "ledger", "limits"),
    *("book", "closed", "clusters", "flows", "rebase", "streaks"),
)
"""Caps, ledger and latches; what measures for them (covariance, stress, value at risk) is not."""
STRICT_TARGET, TARGET = 0.95, 0.85
TIMEOUT = 60
EXAMPLES = 25
PASSED, FAILED = 10, 11
Place = tuple[str, int, int]
OPTIONS = (
    *("-x", "-q", "-n0", "-pno:cacheprovider", "-pno:logging", "--tb=no"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # Hypothesis is loaded before pytest starts
)
PRELOADED = ("numpy", "hypothesis.strategies", "pydantic", "freqpilot.settings")


class Fate(NamedTuple):
    """What became of a mutant; ``by`` is how it was noticed, empty where it survived."""

    mutant: Mutant
    by: str


def forked(test: Callable[[], bool]) -> str:
    """Return how a test in a forked process ended: "test" where it is false, "time", or "crash";
    empty where it is true."""
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(TIMEOUT)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            os._exit(PASSED if test() else FAILED)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "time" if os.WTERMSIG(status) == signal.SIGALRM else "crash"
    return {PASSED: "", FAILED: "test"}.get(os.WEXITSTATUS(status), "crash")


class _Replacement(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a syntax tree instead of its file."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name, self._path, self._tree = f"freqpilot.risk.{name}", ROOM / f"{name}.py", tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)  # noqa: S102


def whole_run(name: str, tree: ast.Module) -> bool:
    """Tell whether all tests pass with a module loaded from a tree; nothing of the room may be
    loaded yet."""
    sys.meta_path.insert(0, _Replacement(name, tree))
    return pytest.main([*OPTIONS, *_files(name)]) == 0


class Swapper:
    """Runs collected tests with the functions of a loaded module replaced.

    It is a plugin of pytest that runs ``examine`` in place of the tests, which it forks for each.
    """

    def __init__(self, name: str, examine: Callable[["Swapper"], None]) -> None:
        self._path, self._examine = ROOM / f"{name}.py", examine
        self._original = dict(_codes(compile(self._path.read_bytes(), str(self._path), "exec")))
        self._items: list[pytest.Item] = []
        self._functions: list[tuple[FunctionType, Place]] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Examine instead of running the tests."""
        self._items = session.items
        for item in session.items:
            _unshrunk(getattr(item, "obj", None))
        places = {code: place for place, code in self._original.items()}
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__ in places:
                self._functions.append((found, places[found.__code__]))
        self._examine(self)
        return True

    def passes(self, tree: ast.Module) -> bool:
        """Tell whether all tests pass; leaves the functions replaced."""
        changed = dict(_codes(compile(tree, str(self._path), "exec")))
        for function, place in self._functions:
            function.__code__ = changed[place]
        return all(
            not report.failed
            for item in self._items
            for report in runtestprotocol(item, log=False, nextitem=None)
        )


def _codes(code: CodeType) -> Iterator[tuple[Place, CodeType]]:
    """Yield every function's code in a module's: its name, its line and its place among those."""
    seen: dict[tuple[str, int], int] = {}
    waiting = [code]
    while waiting:
        for inner in waiting.pop().co_consts:
            if isinstance(inner, CodeType):
                place = (inner.co_qualname, inner.co_firstlineno)
                seen[place] = seen.get(place, -1) + 1
                yield (*place, seen[place]), inner
                waiting.append(inner)


def _unshrunk(test: Any) -> None:
    """Let a property-based test stop at the first example that fails, or sooner than usual."""
    inner = getattr(test, "__func__", test)
    if hasattr(inner, "hypothesis"):
        chosen = getattr(inner, "_hypothesis_internal_use_settings", None) or settings()
        inner._hypothesis_internal_use_settings = settings(
            chosen,
            phases=(Phase.explicit, Phase.generate),
            max_examples=min(chosen.max_examples, EXAMPLES),
        )


def _files(name: str) -> list[str]:
    """Return the room's test files that come to load a module, the module's own first."""
    own = TESTS / f"test_risk_{name}.py"
    others = [file for file in sorted(TESTS.glob("test_risk_*.py")) if name in _loads(file)]
    return [str(file) for file in sorted(others, key=lambda file: file != own)]


def _loads(file: Path) -> set[str]:
    """Return the modules of the room that a file imports, and those that they import."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            names = [f"{node.module}.{each.name}" for each in node.names]
            for path in (node.module, *names):
                room, _, module = path.partition("freqpilot.risk.")
                new = ROOM / f"{module}.py"
                if not room and module not in found and new.is_file():
                    found.add(module)
                    waiting.append(new)
    return found


def examine(name: str, say: Callable[[str], None]) -> list[Fate]:
    """Return the fate of each mutant of a module; loads the room, so it is called in a fork."""
    source = (ROOM / f"{name}.py").read_text(encoding="utf-8")
    every = mutants(source)
    fates: list[Fate] = []
    began = time.monotonic()
    if not _files(name):  # pytest would take no file for all files
        say(f"no test of {TESTS.name} imports {name}; write {TESTS.name}/test_risk_{name}.py first")
        os._exit(1)

    def note(mutant: Mutant, by: str) -> None:
        fates.append(Fate(mutant, by))
        if not by:
            say(f"{name}.py:{mutant.line} survives: {mutant.key}")
        if len(fates) % 50 == 0:
            say(f"{name}: {len(fates)} of {len(every)}, {time.monotonic() - began:.0f} s")

    def swap(swapper: Swapper) -> None:
        if by := forked(lambda: swapper.passes(ast.parse(source))):
            say(f"the tests of {name} fail ({by}) without any mutant; mend them first")
            os._exit(1)
        for mutant in (each for each in every if each.inside):
            note(mutant, forked(partial(swapper.passes, _sound(source, mutant))))

    for mutant in (each for each in every if not each.inside):
        note(mutant, forked(partial(whole_run, name, _sound(source, mutant))))
    pytest.main([*OPTIONS, *_files(name)], plugins=[Swapper(name, swap)])
    return sorted(fates, key=lambda each: each.mutant.line)


def _sound(source: str, mutant: Mutant) -> ast.Module:
    """Return the module with a fault, which compiles: otherwise nothing is proved by its end."""
    tree = mutated(source, mutant)
    compile(tree, "mutant", "exec")
    return tree


def apart(name: str) -> list[Fate]:
    """Return what :func:`examine` finds, from a process of its own: the next module needs one in
    which nothing of the room is loaded."""
    read, write = os.pipe()
    if os.fork() == 0:
        with os.fdopen(os.dup(2), "w") as progress, os.fdopen(write, "w") as answer:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                found = examine(name, lambda text: print(text, file=progress, flush=True))
                json.dump([[*each.mutant, each.by] for each in found], answer)
            finally:
                answer.flush()
                os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.wait()
    if not text:
        raise SystemExit(f"the tests of {name} could not be run; see above")
    return [Fate(Mutant(*row[:-1]), row[-1]) for row in json.loads(text)]


def document(fates: Mapping[str, Sequence[Fate]], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object. ``known`` holds the equivalent mutants by module and their reason."""
    targets, figures, survivors = {}, {}, {}
    for name, found in fates.items():
        equal = [each for each in found if not each.by and each.mutant.key in known.get(name, {})]
        alive = [each for each in found if not each.by and each not in equal]
        counted = len(found) - len(equal)
        rate = 1 - len(alive) / counted if counted else 1.0
        target = STRICT_TARGET if name in STRICT else TARGET
        ok = rate >= target
        targets[f"{name}: killed"] = {"value": round(rate, 4), "target": target, "ok": ok}
        figures[name] = {
            "mutants": len(found),
            "killed": sum(bool(each.by) for each in found),
            "equivalent": len(equal),
            "survive": len(alive),
            "stopped by the clock": sum(each.by == "time" for each in found),
        }
        survivors[name] = [f"{name}.py:{each.mutant.line} {each.mutant.key}" for each in alive]
    return {
        "name": "mutation",
        "parity": True,
        "targets": targets,
        "figures": figures,
        "survivors": {name: found for name, found in survivors.items() if found},
    }


def main() -> int:
    """Examine the modules and print; returns the exit status."""
    every = sorted(file.stem for file in ROOM.glob("*.py") if file.stem != "__init__")
    parser = argparse.ArgumentParser(prog="benchmarks mutation", description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", default=every, metavar="MODULE")
    given = parser.parse_args()
    if unknown := set(given.modules) - set(every):
        parser.error(f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    for module in PRELOADED:
        importlib.import_module(module)
    os.chdir(ROOT)
    known = json.loads(EQUIVALENTS.read_text(encoding="utf-8")) if EQUIVALENTS.exists() else {}
    fates = {}
    for name in given.modules:
        fates[name] = apart(name)
        part = document({name: fates[name]}, known)["figures"][name]
        print(f"{name}: {part}", file=sys.stderr, flush=True)
    found = document(fates, known)
    print(json.dumps(found))
    return 0 if all(target["ok"] for target in found["targets"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
