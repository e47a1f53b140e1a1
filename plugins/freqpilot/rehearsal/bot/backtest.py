"""Plain ``freqtrade backtesting`` against the stand-in exchange, as a child process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay, is_futures
from freqpilot.rehearsal.venue.perpetuals import spot_name

LAYERS = ("base", "freqai", "autopilot", "freqpilot")
LAST_LINES = 25


@dataclass(frozen=True)
class BacktestOptions:
    """One backtest: candles, period (UTC), pairs, and what differs from the pack's configs.

    ``configs`` are config files in place of the pack's ``layers``. Results, log and overlay go to
    ``output``, or without it to ``user_data``. With a ``trading_mode`` of futures in ``overlay``
    the pairs are perpetuals, whose candles lie in ``datadir``/futures; the stand-in lists them by
    the spot candles beside.
    """

    datadir: Path
    pairs: Sequence[str]
    start: datetime
    end: datetime
    user_data: Path
    fee: float = 0.001
    layers: Sequence[str] = LAYERS
    overlay: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "Autopilot"
    strategy_path: Path | None = None
    timeframe: str = "1h"
    configs: Sequence[Path] = ()
    output: Path | None = None

    @property
    def folder(self) -> Path:
        """Where everything that is written goes."""
        return self.output or self.user_data

    @property
    def files(self) -> list[Path]:
        """The config files below the overlay."""
        return list(self.configs) or [config_dir() / f"{name}.json" for name in self.layers]


def run_backtest(
    options: BacktestOptions, on_line: Callable[[str], None] = lambda line: None
) -> Path:
    """Run one backtest and return the result file that Freqtrade exported.

    The stand-in's clock stands at the period's start, so that a pairlist which asks the exchange
    for candles sees none of the period.

    :param on_line: gets each line that Freqtrade logs.
    :raises RefuseToStart: when Freqtrade fails, with its last lines.
    """
    results = options.folder / "backtest_results"
    results.mkdir(parents=True, exist_ok=True)
    futures = is_futures(options.overlay)
    spot = [spot_name(pair) for pair in options.pairs]
    tape = Tape.from_folder(options.datadir, options.timeframe, spot)
    with RehearsalServer(tape, FixedClock(options.start), futures=futures) as server:
        venue = exchange_overlay(server.url, options.pairs, futures=futures)
        overlay = _merge(venue, options.overlay)
        overlay.setdefault("freqpilot", {})["synthetic"] = tape.synthetic
        file = options.folder / "backtest-overlay.json"
        file.write_text(json.dumps(overlay, indent=1), encoding="utf-8")
        before = set(results.glob("*.zip"))
        arguments = _arguments(options, [*options.files, file])
        lines = run_freqtrade(arguments, options.folder, on_line)
    return new_result(results, before, lines)


def new_result(results: Path, before: Set[Path], lines: Sequence[str]) -> Path:
    """Return the result file that a backtest has written into a folder.

    :param before: the results that were there before it.
    :param lines: what Freqtrade has logged.
    :raises RefuseToStart: when there is none, with the last lines.
    """
    new = sorted(set(results.glob("*.zip")) - before)
    if not new:
        # Freqtrade ends with exit code 0 on some faults of the configuration.
        last = "\n".join(lines[-LAST_LINES:])
        raise RefuseToStart(f"freqtrade backtesting gave no result; its last lines:\n{last}")
    return new[-1]


def _arguments(options: BacktestOptions, layers: Sequence[Path]) -> list[str]:
    start, end = (int(t.timestamp()) for t in (options.start, options.end))
    named = ("--strategy", options.strategy) if options.strategy else ()
    path = ("--strategy-path", str(options.strategy_path)) if options.strategy_path else ()
    return [
        "backtesting",
        *(part for layer in layers for part in ("-c", str(layer))),
        *("--userdir", str(options.user_data)),
        *("--datadir", str(options.datadir)),
        *named,
        *path,
        *("--timerange", f"{start}-{end}"),
        *("--fee", str(options.fee)),
        *("--cache", "none"),
        *("--export", "signals"),
        *("--backtest-directory", str(options.folder / "backtest_results")),
    ]


def run_freqtrade(
    arguments: Sequence[str], folder: Path, on_line: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Run ``freqtrade backtesting`` on this interpreter, hand on its log and return its lines.

    :param folder: where the log goes, into ``logs/backtest.log``.
    :raises RefuseToStart: when it fails, with its last lines.
    """
    # Freqtrade leaves out its logging set-up, and so Freqpilot, under pytest.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTHONUNBUFFERED": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}
    log = folder / "logs" / "backtest.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(
            [sys.executable, "-m", "freqtrade", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            stream.write(line)
            lines.append(line.rstrip())
            on_line(line.rstrip())
    if child.returncode != 0:
        last = "\n".join(lines[-LAST_LINES:])
        raise RefuseToStart(
            f"freqtrade backtesting failed (exit {child.returncode}); its last lines, the rest is "
            f"in {log}:\n{last}"
        )
    return lines


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            merged[key] = _merge(known, value)
        else:
            merged[key] = value
    return merged
