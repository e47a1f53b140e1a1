"""Runs chosen tests in forked processes that have the heavy libraries loaded already.

It is run by its path, in a copy of the project (``mutation_copy``), so that neither the library
nor the tests are loaded before a fork. It reads one JSON request a line and answers with one JSON
line: how the tests ended ("passed", "failed", "time", "crash"), which failed first, and of each
test that ran its seconds and, where the copy notes that, the functions it reached.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

PRELOADED = (
    *("numpy", "pandas", "scipy.stats", "numba", "pydantic", "sqlalchemy.orm", "hypothesis"),
    *("hypothesis.strategies", "sklearn.ensemble", "lightgbm", "xgboost", "torch", "hmmlearn.hmm"),
    *("freqtrade.freqtradebot", "freqtrade.optimize.backtesting", "freqtrade.rpc.rpc"),
    *("pytest", "_pytest.main", "xdist.plugin", "pytest_timeout", "_hypothesis_pytestplugin"),
    *("alembic.command", "aiohttp", "httpx", "plotly.graph_objects", "time_machine", "typer"),
)
OPTIONS = (
    *("-q", "-n0", "-pno:cacheprovider", "--tb=line", "--no-header"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # Hypothesis is loaded before pytest starts
)
EXAMPLES = 25
OWN = "freqpilot"


def main() -> None:
    """Answer requests until there are no more."""
    sys.path[:] = [each for each in sys.path if each != str(Path(__file__).parent)]
    for module in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()  # what is loaded is shared with the forks, and looked at by no collection
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the tests of a request in a fork, which is ended when its time is over."""
    result = Path(request["result"])
    result.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _child(request, result)
    deadline = time.monotonic() + request["limit"]
    status = None
    while time.monotonic() < deadline and status is None:
        done, ended = os.waitpid(child, os.WNOHANG)
        status = ended if done else None
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # also what the tests have started and left
    if status is None:
        os.waitpid(child, 0)
    return _read(result, "time" if status is None else "crash")


def _read(result: Path, otherwise: str) -> dict[str, Any]:
    rows = []
    if result.exists():
        rows = [json.loads(row) for row in result.read_text(encoding="utf-8").splitlines()]
    ends = [row for row in rows if "outcome" in row]
    tests = {row.pop("test"): row for row in rows if "test" in row}
    return (ends[-1] if ends else {"outcome": otherwise, "by": "", "modules": []}) | {
        "tests": tests
    }


def _child(request: dict[str, Any], result: Path) -> None:
    """Run the tests and end the process."""
    os.setpgid(0, 0)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    sys.path[0:0] = request["environment"]["PYTHONPATH"].split(":")
    importlib.reload(importlib.import_module("numba.core.config"))
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        import pytest

        chosen = _Chosen(request["tests"], result)
        options = [
            *OPTIONS,
            f"--basetemp={request['folder']}/basetemp",
            *request.get("options", ()),
        ]
        status = int(pytest.main([*options, *request["files"]], plugins=[chosen]))
        modules = sorted(name for name in sys.modules if name.split(".")[0] == OWN)
        outcome = {0: "passed", 1: "failed", 2: "failed"}.get(status, "crash")
        end = {"outcome": outcome, "by": chosen.first, "modules": modules, "status": status}
        chosen.write(end)
    finally:
        os._exit(0)


class _Chosen:
    """A plugin of pytest that runs the tests of a list in its order (all, where there is none),
    and writes each one's seconds."""

    def __init__(self, tests: list[str], result: Path) -> None:
        self.first = ""
        self._places = {name: place for place, name in enumerate(tests)}
        self._result = result
        self._seconds = 0.0
        self._failed = False

    def write(self, row: dict[str, Any]) -> None:
        """Write a row of the result."""
        with self._result.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests of the list."""
        if self._places:
            kept = [item for item in items if item.nodeid in self._places]
            items[:] = sorted(kept, key=lambda item: self._places[item.nodeid])
        for item in items:
            _unshrunk(getattr(item, "obj", None))

    def pytest_collectreport(self, report: Any) -> None:
        """Note a file that cannot be loaded."""
        if report.failed:
            self.first = self.first or report.nodeid

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note how a part of a test went, and after its last part write."""
        self._seconds += report.duration
        if report.failed:
            self._failed = True
            self.first = self.first or report.nodeid
        if report.when == "teardown":
            reached = sys.modules.get("freqpilot_reached")
            functions = reached.taken() if reached else []
            row = {"test": report.nodeid, "seconds": round(self._seconds, 3)}
            self.write(row | {"failed": self._failed, "functions": functions})
            self._seconds, self._failed = 0.0, False


def _unshrunk(test: Any) -> None:
    """Let a property-based test stop at the first example that fails, or sooner than usual."""
    inner = getattr(test, "__func__", test)
    if hasattr(inner, "hypothesis"):
        from hypothesis import Phase, settings

        chosen = getattr(inner, "_hypothesis_internal_use_settings", None) or settings()
        inner._hypothesis_internal_use_settings = settings(
            chosen,
            phases=(Phase.explicit, Phase.generate),
            max_examples=min(chosen.max_examples, EXAMPLES),
        )


if __name__ == "__main__":
    main()
