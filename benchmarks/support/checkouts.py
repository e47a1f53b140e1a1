"""What another checkout of this project does, run in child processes with its own library."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("session_worker.py")
STATISTICS = (
    "final_balance",
    "profit_total_abs",
    "rejected_signals",
    "timedout_entry_orders",
    "canceled_trade_entries",
    "locks",
)
"""What else of a backtest's result must be the same."""


@contextmanager
def worktree(ref: str, root: Path = ROOT) -> Iterator[Path]:
    """Yield a folder with the files of a commit; it is gone afterwards.

    :raises subprocess.CalledProcessError: when there is no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="checkout-") as folder:
        tree = Path(folder) / "tree"
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), ref)
        try:
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def commit_of(ref: str) -> str:
    """Return the short name of a commit."""
    return _git(ROOT, "rev-parse", "--short", f"{ref}^{{commit}}")


def environment(tree: Path) -> dict[str, str]:
    """Return the environment in which a child process imports the library of ``tree``."""
    # Freqtrade leaves out its logging set-up, and so Freqpilot, under pytest.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FREQTRADE__"))}
    return {**kept, "PYTHONPATH": f"{tree / 'plugins'}:{tree}", "PYTHONSAFEPATH": "1"}


def require_own_library(tree: Path) -> None:
    """Check that a child process imports the library of ``tree``, as no comparison means anything
    otherwise.

    :raises RuntimeError: when it imports another one.
    """
    command = [sys.executable, "-c", "import freqpilot; print(freqpilot.__file__)"]
    found = subprocess.run(
        command, env=environment(tree), capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(found).resolve().is_relative_to(tree.resolve()):
        raise RuntimeError(f"a child process for {tree} imports freqpilot from {found}")


def backtest_record(tree: Path, options: BacktestOptions, layers: tuple[str, ...]) -> Any:
    """Return the trades, forecasts, supervisor's counts and statistics of a backtest.

    Library, strategies and config ``layers`` are those of ``tree``; the stand-in exchange that
    lists the markets is this checkout's.

    :raises freqpilot.errors.RefuseToStart: when Freqtrade fails.
    """
    configs = [tree / "config" / f"{layer}.json" for layer in layers]
    with _environment(environment(tree)):
        result = run_backtest(replace(options, configs=configs))
    with zipfile.ZipFile(result) as archive:
        (statistics,) = json.loads(archive.read(f"{result.stem}.json"))["strategy"].values()
        section = json.loads(archive.read(f"{result.stem}_config.json"))["freqpilot"]
    trades = {f"{trade['pair']} {trade['open_date']}": trade for trade in statistics["trades"]}
    return {
        "trades": trades,
        "forecasts": _forecasts(options.user_data),
        "supervision": section["run"],
        "statistics": {name: statistics[name] for name in STATISTICS},
    }


def session_record(tree: Path, market: str, seed: int, folder: Path) -> Any:
    """Return what one session of chaos left; see :mod:`benchmarks.support.session_worker`.

    :raises subprocess.CalledProcessError: when it failed.
    """
    file = folder / "record.json"
    command = [sys.executable, str(WORKER), market, str(seed), str(folder), str(file)]
    subprocess.run(command, env=environment(tree), check=True)
    return json.loads(file.read_text(encoding="utf-8"))


def _forecasts(user_data: Path) -> dict[str, str]:
    """Return the digest of what FreqAI kept of each pair and window; other folders' names hold keys
    that change with any code that trains."""
    return {
        file.name: sha256(
            pd.util.hash_pandas_object(pd.read_feather(file), index=False).to_numpy().tobytes()
        ).hexdigest()[:16]
        for file in sorted(user_data.glob("models/**/backtesting_predictions/*_prediction.feather"))
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
