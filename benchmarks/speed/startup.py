"""What Freqpilot adds to the start of Freqtrade's commands: ``python -m benchmarks startup``.

Each command runs in a process of its own, without the file that loads Freqpilot and with it, in
turn: CPU seconds (user and system) and the largest memory of the process, medians of the
differences. ``trade`` is a dry run up to the moment its bot is made, with a strategy of its own,
against a stand-in exchange; ``list-strategies`` loads Freqpilot's own strategies too, which plain
Freqtrade does not. Both must say the same. Prints one JSON object last; exits non-zero when they
do not.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.support.options import parser
from benchmarks.support.result import Result, Target, at_most, finish
from freqpilot.host.boot.doors import KINDS, config_dir, door_dir
from freqpilot.host.boot.resolvers import class_names
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

PAIRS = ("BTC/USDT", "ETH/USDT")
TRADE, UTILITY = (1.0, 100.0), (0.3, 100.0)
"""Most CPU seconds and MiB that Freqpilot may add."""
STRAY = ("PYTEST_", "FREQTRADE")
"""Variables that would change what Freqtrade does."""
RUN = "import sys; from freqtrade.main import main; main(sys.argv[1:])"
MAKE_BOT = """
import json, sys
from freqtrade.commands.arguments import Arguments
from freqtrade.worker import Worker
bot = Worker(Arguments(sys.argv[1:]).get_parsed_arg()).freqtrade
kept = ("strategy", "stake_amount", "max_open_trades", "dry_run", "trading_mode", "timeframe")
json.dump({
    **{key: bot.config[key] for key in kept},
    "pairs": bot.pairlists.whitelist,
    "protections": bot.protections.name_list,
}, sys.stdout)
"""
STRATEGY = """
from freqtrade.strategy import IStrategy

class Steady(IStrategy):
    timeframe, stoploss, minimal_roi = "1h", -0.1, {}
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        return dataframe
    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


@dataclass(frozen=True)
class Case:
    """A command, what it prints that must be the same with Freqpilot, and what may be added."""

    words: tuple[str, ...]
    meaning: Callable[[str], Any]
    limits: tuple[float, float]
    code: str = RUN


@dataclass(frozen=True)
class Cost:
    """What a process printed and took: CPU seconds, largest memory in MiB."""

    out: str
    cpu: float
    memory: float


def stock_settings(out: str) -> dict[str, Any]:
    """Return the configuration that is shown, without what ``freqpilot.json`` adds to it."""
    shown: dict[str, Any] = json.loads(out[out.index("{") : out.rindex("}") + 1])
    for key in ("log_config", "enable_protections", "freqpilot", "config_files", "internals"):
        shown.pop(key, None)
    return shown


def stock_names(out: str) -> set[str]:
    """Return the listed names without the pack's."""
    ours = {name for kind in KINDS for name in class_names(door_dir(kind))}
    return set(re.findall(r"^\w+$", out, re.MULTILINE)) - ours


def last_object(out: str) -> Any:
    """Return the JSON object on the last line."""
    return json.loads(out.strip().splitlines()[-1])


CASES: dict[str, Case] = {
    "trade": Case(("trade", "--dry-run"), last_object, TRADE, MAKE_BOT),
    "show-config": Case(("show-config",), stock_settings, UTILITY),
    "list-data": Case(("list-data",), str.strip, UTILITY),
    "list-freqaimodels": Case(("list-freqaimodels", "-1"), stock_names, UTILITY),
    "list-strategies": Case(("list-strategies", "-1"), stock_names, UTILITY),
}


def run(case: Case, home: Path, files: list[Path]) -> Cost:
    """Run a command with these config files and return its cost.

    :raises RuntimeError: when it fails.
    """
    words = [*case.words, "--userdir", str(home / "user_data")]
    for file in files:
        words += ["--config", str(file)]
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FREQTRADE"))
    }
    out, err = home / "out", home / "err"
    with out.open("w") as put, err.open("w") as wrong:
        child = subprocess.Popen(
            [sys.executable, "-c", case.code, *words],
            env=environment | {"COLUMNS": "200"},
            cwd=home,
            stdout=put,
            stderr=wrong,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {err.read_text()[-2000:]}")
    return Cost(out.read_text(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def prepare(home: Path, url: str) -> dict[bool, list[Path]]:
    """Write the configs and return them, without Freqpilot's and with it."""
    strategies = home / "user_data" / "strategies"
    strategies.mkdir(parents=True)
    (strategies / "Steady.py").write_text(STRATEGY)
    overlay = exchange_overlay(url, PAIRS) | {
        "db_url": "sqlite://",
        "stake_amount": 100,
        "strategy": "Steady",
        "pairlists": [{"method": "StaticPairList"}],
    }
    overlay.pop("freqpilot", None)
    own = home / "own.json"
    own.write_text(json.dumps(overlay))
    plain = [config_dir() / "base.json", own]
    return {False: plain, True: [*plain, config_dir() / "freqpilot.json"]}


def measure(names: list[str], rounds: int) -> Result:
    """Run the commands in turn and return what was found."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    tape = Tape.from_market(SyntheticMarket(PAIRS, 60, start, 24 * 4, 7))
    now = datetime.now(UTC).timestamp()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, RehearsalServer(tape, lambda: now) as server:
        home = Path(folder)
        files = prepare(home, server.url)
        for name in names:
            case = CASES[name]
            for with_us in (False, True):
                run(case, home, files[with_us])  # folders and compiled files are there after it
            pairs = [
                (run(case, home, files[False]), run(case, home, files[True])) for _ in range(rounds)
            ]
            figures[name] = figures_of(case, pairs)
    same = all(found["same"] for found in figures.values())
    return Result("startup", figures, targets(figures), same)


def figures_of(case: Case, pairs: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    """Return the medians of one command."""
    return {
        "same": all(case.meaning(a.out) == case.meaning(b.out) for a, b in pairs),
        "plain, s": round(median(plain.cpu for plain, _ in pairs), 2),
        "with Freqpilot, s": round(median(ours.cpu for _, ours in pairs), 2),
        "plain, MiB": round(median(plain.memory for plain, _ in pairs), 1),
        "with Freqpilot, MiB": round(median(ours.memory for _, ours in pairs), 1),
        "added, s": round(median(ours.cpu - plain.cpu for plain, ours in pairs), 2),
        "added, MiB": round(median(ours.memory - plain.memory for plain, ours in pairs), 1),
    }


def targets(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Target]:
    """Return what was added beside what may be."""
    return {
        f"{name}: added, {what}": at_most(found[f"added, {what}"], limit)
        for name, found in figures.items()
        for what, limit in zip(("s", "MiB"), CASES[name].limits, strict=True)
    }


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("startup", __doc__)
    made.add_argument("names", nargs="*", metavar="COMMAND", help=f"of {', '.join(CASES)}")
    made.add_argument("--rounds", type=int, default=5, help="runs of each command, both ways")
    given = made.parse_args()
    if unknown := set(given.names) - set(CASES):
        made.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(CASES)}")
    return finish(measure(given.names or [*CASES], given.rounds), given)


if __name__ == "__main__":
    sys.exit(main())
