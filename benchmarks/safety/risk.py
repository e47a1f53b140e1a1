"""What the risk supervisor costs a backtest: ``python -m benchmarks risk [--datadir …] [--json]``.

16 pairs × one year of 1h candles through Freqtrade's backtester, by strategies that differ in their
supervision only: no callback; the callbacks that Autopilot has, empty; Autopilot's own under the
gate, ledger, sizing and exits, with limits so wide that all make the same trades, which is checked
before any figure counts. Runs alternate between processes that stay; medians are compared.
Without ``--datadir`` the candles are SYNTHETIC; with it, and with the usual
timerange, the real crashes of ``benchmarks.safety.crashes`` are played as well. Prints one JSON
object last.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.safety import crashes
from benchmarks.support.options import Period, add_candle_options, candle_folder, parser
from benchmarks.support.result import Result, Target, at_most, finish, progress
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

STRATEGIES = Path(__file__).parents[1] / "strategies"
COINS = "BTC ETH SOL XRP ADA DOGE LTC LINK AVAX DOT BCH NEAR NEO TRX XLM XTZ"
PAIRS = tuple(f"{coin}/USDT" for coin in COINS.split())
TIMERANGE = "20230301-20240229"
BEFORE = timedelta(days=60)
"""Candles before the first that trades: more than any strategy's startup."""
NOOP_TARGET, BARE_TARGET = 1.3, 3.0
WIDE: dict[str, Any] = {
    "tiers": [
        {
            "name": "any",
            "equity_from": 0,
            "risk_per_trade": 0.02,
            "max_position": 1.0,
            "max_open_trades": 100,
            "meme_cap": 1.0,
        }
    ],
    "sizing": {"method": "fixed", "fixed_share": 0.04},
    "class_caps": dict.fromkeys(("btc", "eth", "top20", "small", "meme"), 1.0),
    "sector_caps": dict.fromkeys(("defi", "l1", "l2", "ai", "meme", "other"), 1.0),
    "meme_position": 1.0,
    **dict.fromkeys(("max_exposure", "daily_loss", "weekly_loss", "total_loss"), 1.0),
    "capital_floor": 0.0,
    **{"drawdown_cut": 0.97, "drawdown_half": 0.98, "drawdown_halt": 0.99},
    "streak_phases": [{"losses": 1000, "factor": 1.0, "threshold": 0.0}],
    "streak_halt": 1_000_000,
    "low_win_rate": 0.0,
    "burst_loss": 1.0,
    "hard_stop": 0.98,
    "stop_atr_multiple": 1e6,
}
"""Limits that are asked and never trip."""
ALL_EXITS: dict[str, Any] = {
    "stops": ["atr", "percentage", "structure", "chandelier", "trailing", "time"],
    "percentage": 0.97,
    "trailing": 0.96,
    "chandelier_atr_multiple": 1e6,
    "structure_atr_buffer": 1e6,
    "unprofitable_hours": 1e6,
    "flat_hours": 1e6,
    "targets": True,
    "tiers": [{"gain": 1000.0, "share": 0.3}],
}
"""Every exit method at work, none of which ever closes anything."""


@dataclass(frozen=True)
class Variant:
    """A strategy of ``strategies/Supervision.py``, with or without the pack and all exits."""

    name: str
    strategy: str
    pack: bool
    exits: bool = False


VARIANTS = (
    Variant("bare", "SupervisionBare", pack=False),
    Variant("bare, gated", "SupervisionBare", pack=True),
    Variant("no-op", "SupervisionIdle", pack=False),
    Variant("ours", "SupervisionOurs", pack=True),
    Variant("no-op, all exits", "SupervisionIdle", pack=False, exits=True),
    Variant("ours, all exits", "SupervisionOurs", pack=True, exits=True),
)


class Worker:
    """A process with one variant's candles loaded."""

    def __init__(
        self,
        variant: Variant,
        datadir: Path,
        period: Period,
        url: str,
        work: Path,
        *,
        synthetic: bool,
    ) -> None:
        folder = work / variant.name.replace(", ", "-").replace(" ", "-")
        folder.mkdir()
        overlay = exchange_overlay(url, PAIRS)
        overlay |= {
            "strategy_path": str(STRATEGIES),
            "pairlists": [{"method": "StaticPairList"}],
            "dry_run_wallet": 100_000,
            "stake_amount": 4_000,
            "max_open_trades": len(PAIRS),
            "benchmark_exits": variant.exits,
        }
        risk = {**WIDE, "exits": ALL_EXITS} if variant.exits else WIDE
        overlay["freqpilot"] = {"risk": risk, "synthetic": synthetic}
        file = folder / "overlay.json"
        file.write_text(json.dumps(overlay), encoding="utf-8")
        layers = ("base", "freqpilot") if variant.pack else ("base",)
        files = [config_dir() / f"{layer}.json" for layer in layers]
        seconds = f"{int(period.begin.timestamp())}-{int(period.end.timestamp())}"
        # Freqtrade leaves out its logging set-up, and so Freqpilot, under pytest.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._log = folder / "log"
        with self._log.open("w") as log:
            self._child = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.support.backtest_worker"),
                    *(part for layer in [*files, file] for part in ("-c", str(layer))),
                    *("--userdir", str(folder), "--datadir", str(datadir), "--cache", "none"),
                    *("--strategy", variant.strategy, "--timerange", seconds, "--fee", "0.001"),
                    *("--export", "none"),
                ],
                env={**kept, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        self._answer()

    def run(self) -> dict[str, Any]:
        """Return wall and CPU seconds of one backtest and its trades."""
        assert self._child.stdin is not None
        print("run", file=self._child.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._child.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise SystemExit(f"a backtest ended too early; its last lines:\n{self._tail()}")
        return dict(json.loads(line))

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8").splitlines()[-20:])


@contextmanager
def workers(
    variants: Sequence[Variant], datadir: Path | None, period: Period, work: Path
) -> Iterator[dict[str, Worker]]:
    """Yield a ready worker for each variant."""
    if datadir is None:
        begin = period.begin - BEFORE
        hours = int((period.end - begin) / timedelta(hours=1)) + 1
        datadir = work / "candles"
        SyntheticMarket(PAIRS, 60, begin, hours, seed=5).write_candles(datadir)
    with ExitStack() as stack:
        tape = Tape.from_folder(datadir, "1h", PAIRS)
        server = stack.enter_context(RehearsalServer(tape, FixedClock(period.begin)))
        ready = {
            each.name: Worker(each, datadir, period, server.url, work, synthetic=tape.synthetic)
            for each in variants
        }
        for worker in ready.values():
            stack.callback(worker.close)
        yield ready


def measure(datadir: Path | None, period: Period, repeats: int) -> Result:
    """Compare the trades, then time all variants in turn."""
    say = progress()
    runs: dict[str, list[dict[str, Any]]] = {each.name: [] for each in VARIANTS}
    with (
        tempfile.TemporaryDirectory(prefix="risk-") as folder,
        workers(VARIANTS, datadir, period, Path(folder)) as ready,
    ):
        for turn in range(repeats + 1):
            for name, worker in ready.items():
                found = worker.run()
                if turn:  # the first one compiles and fills caches
                    runs[name].append(found)
                say(f"{turn} {name}: {found['wall']:.2f} s")
    trades = {name: [each["trades"] for each in found] for name, found in runs.items()}
    model = trades["bare"][0]
    alike = {name: all(each == model for each in found) for name, found in trades.items()}
    return compared(runs, alike, period, synthetic=datadir is None)


def compared(
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    alike: Mapping[str, bool],
    period: Period,
    *,
    synthetic: bool,
) -> Result:
    """Return medians, their ratios and the targets."""
    wall = {name: median(each["wall"] for each in found) for name, found in runs.items()}
    cpu = {name: median(each["cpu"] for each in found) for name, found in runs.items()}
    first = runs["bare"][0]
    hours = 24 * period.days
    rows = (
        ("times the no-op callbacks", "ours", "no-op", NOOP_TARGET),
        ("times the bare strategy", "ours", "bare", BARE_TARGET),
        ("all exits: times the no-op callbacks", "ours, all exits", "no-op, all exits", None),
        ("all exits: times the bare strategy", "ours, all exits", "bare", None),
        ("gate and ledger alone: times the bare strategy", "bare, gated", "bare", None),
        ("no-op callbacks: times the bare strategy", "no-op", "bare", None),
    )
    targets: dict[str, Target] = {}
    ratios: dict[str, float] = {}
    for name, over, under, target in rows:
        ratio = wall[over] / wall[under]
        ratios[f"{name}, CPU time"] = round(cpu[over] / cpu[under], 3)
        if target is None:
            ratios[name] = round(ratio, 3)
        else:
            targets[name] = at_most(ratio, target)
    return Result(
        "risk",
        parity=bool(first["trades"]) and all(alike.values()),
        targets=targets,
        about={"synthetic": synthetic, "period": list(period.dates)},
        strict=True,
        figures={
            **{f"{name}, s": round(seconds, 3) for name, seconds in wall.items()},
            **ratios,
            "trades": len(first["trades"]),
            "share of candles with a position": round(
                first["open_candles"] / (hours * len(PAIRS)), 3
            ),
            "repeats": len(runs["bare"]),
            "same trades as the bare strategy": dict(alike),
        },
    )


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("risk", __doc__)
    add_candle_options(made, TIMERANGE, required=False, needs=PAIRS)
    made.add_argument("--wide", type=candle_folder, help="many pairs of 2024 as one more crash")
    made.add_argument("--repeats", type=int, default=5)
    given = made.parse_args()
    found = measure(given.datadir, given.timerange, given.repeats)
    if given.datadir and str(given.timerange) == TIMERANGE:
        fallen = crashes.measure(given.datadir, given.wide)
        found = replace(
            found,
            targets={**found.targets, **fallen.targets},
            figures={**found.figures, "crashes": fallen.figures},
        )
    return finish(found, given)


if __name__ == "__main__":
    sys.exit(main())
