"""Speed of banks, kernels, streams and FreqAI's feature stage: ``python -m benchmarks features``.

Side by side in one process, best of several, parity before any timing. Candles are SYNTHETIC: speed
does not depend on what they say. Prints one JSON object last; exits non-zero when parity fails.
"""

import argparse
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import talib

from benchmarks.support import libraries
from benchmarks.support.options import parser
from benchmarks.support.result import Result, Target, at_least, at_most, finish
from freqpilot.features.bank.indicators import IndicatorBank, indicator
from freqpilot.features.bank.library import CORE, FeatureBank
from freqpilot.features.bank.registry import Bank, evaluate
from freqpilot.features.bank.rolling import rank
from freqpilot.features.bank.statistics import quantiles
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.candlesticks import PATTERNS
from freqpilot.features.engine.graph import CLOSE, Node
from freqpilot.features.labels.targets import triple_barrier, uniqueness
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles

PAIRS, CANDLES = 16, 60_000
HISTORY, STREAMS = 1_000, 300
REPEATS = 5
SETTLED = 1_500
HOUR = 3_600_000_000_000


def synthetic(seed: int, length: int) -> Candles:
    """Return ``length`` hours of a random walk whose volatility comes in waves."""
    rng = np.random.default_rng(seed)
    volatility = 0.01 * np.exp(0.5 * np.sin(np.arange(length) / 40 + seed))
    close = 100 * np.exp(np.cumsum(rng.standard_normal(length) * volatility) * 0.2)
    opened = np.concatenate([[100.0], close[:-1]])
    wick = np.abs(rng.standard_normal((2, length))) * volatility * close
    high, low = np.maximum(opened, close) + wick[0], np.minimum(opened, close) - wick[1]
    date = np.arange(length, dtype=np.int64) * HOUR
    return Candles(date, opened, high, low, close, rng.lognormal(3, 1, length))


def best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the least of several wall times, in seconds; the first call compiles."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def parity(candles: Candles) -> dict[str, float]:
    """Return the largest error of each indicator past the warm-up, as a share of its deviation."""
    theirs = libraries.by_talib(candles)
    ours = evaluate([indicator(name) for name in theirs], candles)
    errors = {}
    for row, (name, values) in zip(ours, theirs.items(), strict=True):
        known = slice(SETTLED, None)
        errors[name] = float(np.max(np.abs(row[known] - values[known])) / np.std(values[known]))
    return errors


def banks(pairs: Sequence[Candles]) -> tuple[dict[str, Target], dict[str, Any]]:
    """Measure the columns that TA-Lib has too, computed by the bank and by others."""
    names = list(libraries.by_talib(pairs[0].window(0, 100)))
    bank = IndicatorBank(names)
    cells = 1e9 / (PAIRS * CANDLES)

    def ours(workers: int) -> None:
        for _ in bank.compute_all(pairs, workers):
            pass

    def theirs() -> None:
        for candles in pairs:
            matrix = np.empty((len(candles), len(names)), dtype=np.float32, order="F")
            for place, values in enumerate(libraries.by_talib(candles).values()):
                matrix[:, place] = values

    one, two = best(lambda: ours(1)), best(lambda: ours(2))
    lib = best(theirs)
    source = np.ones(PAIRS * CANDLES * len(names) // 2, dtype=np.float64)
    target = np.empty_like(source)
    copied = best(lambda: np.copyto(target, source))
    slow = libraries.by_pandas_ta(libraries.frame_of(pairs[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = libraries.frame_of(pairs[0])
        pandas_ta = best(lambda: libraries.by_pandas_ta(frame), 1) * PAIRS
    shared = IndicatorBank(list(slow))
    shared_one = best(lambda: [None for _ in shared.compute_all(pairs, 1)])
    return (
        {
            "bank, one thread, times TA-Lib": at_least(lib / one, 2.0),
            "bank, two threads, times TA-Lib": at_least(lib / two, 3.0),
            "bank, one thread, times ft-pandas-ta": at_least(pandas_ta / shared_one, 30.0),
        },
        {
            "bank columns": len(names),
            "left to TA-Lib": ", ".join(["SAR", *PATTERNS]),
            "bank, one thread, ns a candle": one * cells,
            "bank, two threads, ns a candle": two * cells,
            "TA-Lib, ns a candle": lib * cells,
            "ft-pandas-ta, its columns": len(slow),
            "ft-pandas-ta, ns a candle (one pair, times 16)": pandas_ta * cells,
            "memory limit of the matrix (a copy of as many bytes), ns a candle": copied * cells,
        },
    )


def kernels(candles: Candles) -> tuple[dict[str, Target], dict[str, float]]:
    """Measure single kernels against pandas, TA-Lib and a plain loop."""
    high, low, close, volume = candles.high, candles.low, candles.close, candles.volume
    series = pd.Series(close)
    cell = 1e9 / len(candles)

    def lone(node: Node) -> float:
        bank = Bank({"it": node})
        return best(lambda: bank.compute(candles))

    cases: dict[str, tuple[Node, Callable[[], Any], str, float]] = {}
    for window in (96, 480):
        rolling = series.rolling(window)
        cases[f"rank {window}"] = (rank(CLOSE, window), rolling.rank, "pandas", 20.0)
        middle = quantiles(CLOSE, window, (0.3,))[0]
        cases[f"quantile {window}"] = (middle, partial(rolling.quantile, 0.3), "pandas", 20.0)
    cases["correlation 30"] = (
        indicator("correlation_30"),
        lambda: talib.CORREL(high, low, 30),
        "TA-Lib",
        3.0,
    )
    cases["MFI 14"] = (
        indicator("mfi_14"),
        lambda: talib.MFI(high, low, close, volume, 14),
        "TA-Lib",
        3.0,
    )
    cases["CCI 20"] = (indicator("cci_20"), lambda: talib.CCI(high, low, close, 20), "TA-Lib", 3.0)
    cases["Stochastic 14"] = (
        indicator("stochastic_d_14_3_3"),
        lambda: talib.STOCH(high, low, close, 14, 3, libraries.SIMPLE, 3, libraries.SIMPLE),
        "TA-Lib",
        3.0,
    )
    targets, figures = {}, {}
    for name, (node, other, library, wanted) in cases.items():
        if library == "pandas":
            expected = other().to_numpy()
            if name.startswith("rank"):
                expected = (expected - 1) / (int(name.split()[1]) - 1)
            ours = evaluate([node], candles)[0]
            np.testing.assert_allclose(ours, expected, rtol=1e-9, err_msg=name)
        alone, theirs = lone(node), best(other)
        targets[f"{name}, times {library}"] = at_least(theirs / alone, wanted)
        figures[f"{name}, ns a candle"] = alone * cell
        figures[f"{name} by {library}, ns a candle"] = theirs * cell
    settings = LabelSettings()
    width = Workspace(candles).volatility(settings.volatility_window) * math.sqrt(settings.horizon)
    short = 3_000
    part = candles.window(0, short)
    np.testing.assert_array_equal(
        triple_barrier(part, settings).label, libraries.triple_barrier_loop(part, width, settings)
    )
    loop = best(lambda: libraries.triple_barrier_loop(part, width, settings), 1) / short
    plain = (
        best(lambda: libraries.triple_barrier_loop(part, width, settings, lists=True), 1) / short
    )
    kernel = best(lambda: triple_barrier(candles, settings)) / len(candles)
    targets["triple barrier, times a Python loop"] = at_least(loop / kernel, 100.0)
    ends = triple_barrier(candles, settings).end
    figures |= {
        "triple barrier, ns a candle": kernel * 1e9,
        "triple barrier by a loop over arrays, ns a candle": loop * 1e9,
        "triple barrier by a loop over lists, ns a candle": plain * 1e9,
        "uniqueness, ns a candle": best(lambda: uniqueness(ends)) * cell,
    }
    return targets, figures


def live(bank: FeatureBank) -> tuple[dict[str, Target], dict[str, float]]:
    """Measure one new candle of every stream against computing all of its history anew."""
    candles = synthetic(3, HISTORY + REPEATS + 2)
    past = candles.window(0, HISTORY)
    streams = [bank.stream(past) for _ in range(STREAMS)]
    row = HISTORY

    def append() -> None:
        nonlocal row
        values = [float(column[row]) for column in candles[1:6]]
        for stream in streams:
            stream.append(int(candles.date[row]), *values)
        row += 1

    once = best(append)
    whole = best(lambda: bank.compute(past)) * STREAMS
    return (
        {
            "a live candle, times the full recompute": at_least(whole / once, 20.0),
            "a live candle of 100 pairs and 3 timeframes, ms": at_most(once * 1e3, 100.0),
        },
        {
            "a live candle of one stream, µs": once / STREAMS * 1e6,
            "the full recompute of 1,000 candles, µs": whole / STREAMS * 1e6,
        },
    )


def peak(pairs: int = PAIRS) -> float:
    """Return the memory that computing takes at its highest, as a share of the matrices."""
    bank = FeatureBank()
    sources = [synthetic(seed, CANDLES) for seed in range(pairs)]
    list(bank.compute_all([sources[0].window(0, 3_000)], 2))
    before = held()
    frames = list(bank.compute_all(sources, 2))
    return (highest() - before) / sum(frame.values.nbytes for frame in frames)


def held() -> int:
    """Return the bytes of memory that the process has now."""
    return _status("VmRSS")


def highest() -> int:
    """Return the bytes of memory that the process has had at most."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _rounded(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


def main() -> int:
    """Check parity, time, print; returns the exit status."""
    made = parser("features", __doc__)
    made.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.peak:
        print(peak())
        return 0
    return finish(measure(), options)


def measure() -> Result:
    """Return the errors, and where they are small enough all times."""
    pairs = [synthetic(seed, CANDLES) for seed in range(PAIRS)]
    errors = parity(pairs[0])
    holds = all(
        error <= (1e-6 if name in libraries.LOSSY else 1e-9) for name, error in errors.items()
    )
    exact = [error for name, error in errors.items() if name not in libraries.LOSSY]
    targets = {"parity with TA-Lib": at_most(max(exact), 1e-9)}
    figures: dict[str, Any] = {}
    parts: list[Callable[[], tuple[dict[str, Target], dict[str, Any]]]] = [
        lambda: banks(pairs),
        lambda: kernels(pairs[0]),
        lambda: live(FeatureBank()),
        lambda: whole(pairs[0]),
    ]
    for part in parts if holds else []:
        met, measured = part()
        targets |= met
        figures |= measured
    shown = {name: _rounded(value) for name, value in figures.items()}
    about = {"synthetic": True, "columns": list(errors)}
    return Result("features", shown, targets, holds, about)


def whole(candles: Candles) -> tuple[dict[str, Target], dict[str, float]]:
    """Measure both banks as they ship, and the memory of one in a process of its own."""
    child = [sys.executable, "-m", "benchmarks.speed.features", "--peak"]
    found = subprocess.run(child, capture_output=True, text=True, check=True).stdout
    bank, core = FeatureBank(), FeatureBank(CORE)
    cell = 1e9 / CANDLES
    return (
        {"peak memory over the matrix": at_most(float(found.split()[-1]), 1.3)},
        {
            "features": len(bank.names),
            "all features, ns a candle": best(lambda: bank.compute(candles)) * cell,
            "features of the model": len(CORE),
            "features of the model, ns a candle": best(lambda: core.compute(candles)) * cell,
        },
    )


if __name__ == "__main__":
    sys.exit(main())
