"""The real ``freqtrade`` from a process that has imported what Freqtrade is built on, once.

Most of a short command's time goes into importing pandas, ccxt, scipy and the like. This process
imports them, and forks for each command; Freqtrade and the pack are imported in the fork, in the
order in which they always are.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from children import ROOT, child_environment

LIBRARIES = (
    *("aiohttp", "ccxt", "ccxt.async_support", "ccxt.pro", "numba", "numpy", "pandas"),
    *("pandas.io.json", "pyarrow.feather", "pydantic", "rich.console", "rich.progress"),
    *("scipy.optimize", "scipy.stats", "sqlalchemy", "sqlalchemy.orm", "talib.abstract"),
    *("dateutil.parser", "humanize", "jsonschema", "rapidjson", "requests", "technical.util"),
)
OUTPUTS = (".stdout", ".stderr")
"""Files in the command's folder into which it writes."""


class Forks:
    """The process that forks, seen from the tests."""

    def __init__(self) -> None:
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            env=child_environment() | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=60)  # at the end of its input it ends

    def run(
        self, program: str, arguments: tuple[str, ...], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder; returns its status and what it wrote.

        :param program: the module to run, ``freqtrade`` or ``freqpilot.cli``.

        :raises subprocess.TimeoutExpired: when it takes longer; it is killed.
        """
        assert self.process.stdin is not None
        asked = {
            "program": program,
            "arguments": arguments,
            "folder": str(folder),
            "environment": child_environment(),
        }
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        status = self._status(arguments, timeout)
        out, err = (folder / name for name in OUTPUTS)
        done = subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())
        out.unlink()
        err.unlink()
        return done

    def _status(self, arguments: tuple[str, ...], timeout: float) -> int:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.communicate()
                self.process = self._started()
                raise subprocess.TimeoutExpired(arguments, timeout)
        return int(self.process.stdout.readline())


def serve() -> dict[str, Any] | None:
    """Fork for each request; returns the request in the fork, nothing at the end."""
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        _, ended = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    """Run the command in this process, as ``python -m`` does."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate((os.devnull, *OUTPUTS)):
        with Path(name).open("w" if number else "r", encoding="utf-8") as opened:
            os.dup2(opened.fileno(), number)
    sys.path[0] = request["folder"]
    sys.argv = [request["program"], *request["arguments"]]
    runpy.run_module(request["program"], run_name="__main__", alter_sys=True)


def prepare() -> None:
    """Import the libraries, and fill the tables of their compiler."""
    for library in LIBRARIES:
        importlib.import_module(library)
    sys.modules["numba"].njit(lambda number: number + 1.0)(1.0)
    gc.freeze()  # a fork that collects garbage leaves these pages shared


if __name__ == "__main__":
    prepare()
    if asked := serve():
        become(asked)
