"""Does this checkout trade as another did: on real candles and, by seed, under faults?

    python -m benchmarks same --against REF --datadir ../shared/data/candles/binance

For whoever moves code without changing what it does. Four strategies are backtested on real candles
and days of chaos are played, by this checkout and by the commit ``REF`` in a folder of its own.
Everything is compared, bit by bit: trades, orders, stakes, stops, fees, profits, forecasts, the
supervisor's counts; the exchange's ledger, the faults, both databases and the decision log. Without
``--datadir`` sessions alone are played.
``parity``: the first run of each kind, and each that differs, is played once more by this checkout
and must agree with itself; otherwise a difference says nothing.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.support.checkouts import (
    ROOT,
    backtest_record,
    commit_of,
    require_own_library,
    session_record,
    worktree,
)
from benchmarks.support.options import parser
from benchmarks.support.result import Result, exactly, finish
from freqpilot.errors import FreqpilotError
from freqpilot.rehearsal.bot.backtest import LAYERS, BacktestOptions

NAME = "same"
SHOWN = 20
"""Differences of one run that are printed; all are counted."""
COINS = (
    *("ADA", "AVAX", "BCH", "BTC", "DOGE", "DOT", "ETH", "LINK"),
    *("LTC", "NEAR", "NEO", "SOL", "TRX", "XLM", "XRP", "XTZ"),
)
SPOT = tuple(f"{coin}/USDT" for coin in COINS)
PERPETUALS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
ONE_LIST: dict[str, Any] = {"pairlists": [{"method": "StaticPairList"}]}
LARGE: dict[str, Any] = {**ONE_LIST, "dry_run_wallet": 100_000, "tradable_balance_ratio": 1.0}
ALL_SLOTS: dict[str, Any] = {**LARGE, "max_open_trades": len(SPOT)}
FUTURES: dict[str, Any] = {
    **LARGE,
    "max_open_trades": len(PERPETUALS),
    "trading_mode": "futures",
    "margin_mode": "isolated",
}
STOPS = ["atr", "chandelier", "structure", "time"]
MODELLED = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "LTC/USDT", "ADA/USDT")
"""One model of these pairs is trained six times."""
OFTEN = {"threshold": 0.2, "min_confidence": 0.3}
"""Thresholds at which Autopilot trades every few days."""


@dataclass(frozen=True)
class Backtest:
    """A strategy's backtest: pairs, period (UTC days), config layers and what differs from them."""

    strategy: str
    pairs: Sequence[str]
    begin: str
    end: str
    overlay: Mapping[str, Any]
    layers: tuple[str, ...] = ("base", "freqpilot")
    fee: float = 0.001


BACKTESTS = {
    "TrendFollowing": Backtest("TrendFollowing", SPOT, "2021-01-01", "2023-01-01", ALL_SLOTS),
    "Ensemble": Backtest("Ensemble", SPOT, "2021-01-01", "2021-07-01", ALL_SLOTS),
    "PairsReversion": Backtest(
        "PairsReversion",
        PERPETUALS,
        "2022-01-01",
        "2024-01-01",
        fee=0.0005,
        overlay={
            **FUTURES,
            # At level 1 a couple trades cointegrated or not: those that are trade twice a year.
            "freqpilot": {"signals": {"pairs": {"couples": [list(PERPETUALS)], "level": 1}}},
        },
    ),
    "Autopilot": Backtest(
        "Autopilot",
        MODELLED,
        "2024-01-01",
        "2024-06-01",
        layers=LAYERS,
        overlay={**ONE_LIST, "max_open_trades": len(MODELLED), "freqpilot": {"signals": OFTEN}},
    ),
    # Shorts, targets and every kind of stop, which Autopilot does not use by itself.
    "Exits": Backtest(
        "Autopilot",
        PERPETUALS,
        "2022-01-01",
        "2024-01-01",
        layers=("base", "autopilot", "freqpilot"),
        fee=0.0005,
        overlay={
            **FUTURES,
            "freqpilot": {
                "signals": {**OFTEN, "weights": {"model_forecast": 0.0}},
                "risk": {"exits": {"targets": True, "stops": STOPS}},
            },
        },
    ),
}
Play = Callable[[Path, Path], Any]
"""Returns the record of a run by the library of the first folder; its files go into the second."""


class Difference(NamedTuple):
    """Where two records differ, and what either holds there."""

    place: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.place}: {str(self.before)[:100]} -> {str(self.after)[:100]}"


MISSING = "(missing)"


def differences(before: Any, after: Any, place: str = "") -> Iterator[Difference]:
    """Yield every value that is not the same in two records of JSON, with its place.

    Numbers are the same only in every digit and as the same type. What is in one of two objects or
    lists alone is one difference, whatever it holds.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(
                before.get(key, MISSING), after.get(key, MISSING), f"{place}.{key}".lstrip(".")
            )
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip_longest(before, after, fillvalue=MISSING)):
            yield from differences(old, new, f"{place}[{index}]")
    elif json.dumps(before) != json.dumps(after):  # NaN is like NaN here, and 1 is not 1.0
        yield Difference(place, before, after)


@dataclass(frozen=True)
class Comparison:
    """One run by both checkouts: how many trades or orders it had, its digest by this checkout,
    what differs, and whether this checkout agreed with itself (None: it was not asked)."""

    count: int
    digest: str
    differences: tuple[Difference, ...]
    repeats: bool | None
    seconds: float


def compare(play: Play, before: Path, after: Path, *, repeat: bool) -> Comparison:
    """Play one run by both checkouts, and by the second one again where ``repeat`` says so or the
    first two differ."""
    begun = time.monotonic()

    def record(tree: Path) -> Any:
        with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as folder:
            return play(tree, Path(folder))

    ours = record(after)
    found = tuple(differences(record(before), ours))
    repeats = None
    if repeat or found:
        repeats = not any(differences(ours, record(after)))
    digest = hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()
    count = len(ours["trades"] if "trades" in ours else ours["ledger"])
    return Comparison(count, digest[:16], found, repeats, time.monotonic() - begun)


def backtest(name: str, datadir: Path) -> Play:
    """Return what plays a backtest on the candles of a folder."""
    given = BACKTESTS[name]
    begin, end = (
        datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (given.begin, given.end)
    )

    def play(tree: Path, folder: Path) -> Any:
        options = BacktestOptions(
            datadir=datadir,
            pairs=given.pairs,
            start=begin,
            end=end,
            user_data=folder,
            fee=given.fee,
            overlay=given.overlay,
            strategy=given.strategy,
        )
        return backtest_record(tree, options, given.layers)

    return play


def session(market: str, seed: int) -> Play:
    """Return what plays a day of chaos."""
    return lambda tree, folder: session_record(tree, market, seed, folder)


def runs(options: argparse.Namespace) -> dict[str, tuple[Play, bool]]:
    """Return what plays each run, by its name, and whether it is the first of its kind."""
    found = {}
    if options.datadir:
        for place, name in enumerate(options.backtests):
            found[name] = backtest(name, options.datadir.resolve()), place == 0
    for market, count in (("spot", options.spot), ("futures", options.futures)):
        for seed in range(options.first_seed, options.first_seed + count):
            found[f"{market} {seed}"] = session(market, seed), seed == options.first_seed
    return found


def report(against: str, found: Mapping[str, Comparison]) -> Result:
    """Return the benchmark's result."""
    idle = [name for name, each in found.items() if name in BACKTESTS and not each.count]
    unsteady = [name for name, each in found.items() if each.repeats is False]
    return Result(
        NAME,
        parity=not idle and not unsteady and any(each.repeats for each in found.values()),
        targets={
            f"{name}: differences": exactly(len(each.differences), 0)
            for name, each in found.items()
        },
        figures={
            name: {
                "backtest" if name in BACKTESTS else "session": each.count,
                "digest": each.digest,
                "repeats": each.repeats,
                "seconds": round(each.seconds, 1),
                "differences": [str(one) for one in each.differences[:SHOWN]],
            }
            for name, each in found.items()
        },
        about={"against": against, "without a trade": idle, "not the same twice": unsteady},
        strict=True,
    )


def main() -> int:
    """Run it; returns the exit status."""
    options = _arguments()
    found = {}
    try:
        with worktree(options.against) as before:
            for tree in (before, ROOT):
                require_own_library(tree)
            for name, (play, first) in runs(options).items():
                found[name] = compare(play, before, ROOT, repeat=first)
                _print(name, found[name])
    except (FreqpilotError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"{NAME}: {error}\n{getattr(error, 'stderr', None) or ''}", file=sys.stderr)
        return 2
    result = report(commit_of(options.against), found)
    return finish(result, options)


def _arguments() -> argparse.Namespace:
    made = parser(NAME, __doc__)
    made.add_argument("--against", required=True, metavar="REF", help="the commit to compare with")
    made.add_argument("--datadir", type=Path, help="folder of 1h feather candles")
    made.add_argument("--backtests", nargs="*", default=list(BACKTESTS), choices=list(BACKTESTS))
    made.add_argument("--spot", type=int, default=6, help="sessions of chaos on spot")
    made.add_argument("--futures", type=int, default=3, help="sessions of chaos on futures")
    made.add_argument("--first-seed", type=int, default=1)
    options = made.parse_args()
    if not runs(options):
        made.error("nothing to do: give --datadir, --spot or --futures")
    return options


def _print(name: str, found: Comparison) -> None:
    repeats = {None: "", True: ", repeats", False: ", DOES NOT REPEAT"}[found.repeats]
    print(
        f"{name}: {found.count} {'trades' if name in BACKTESTS else 'orders'}, "
        f"{len(found.differences)} differences{repeats} ({found.seconds:.0f} s)",
        *(f"    {one}" for one in found.differences[:SHOWN]),
        sep="\n",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
