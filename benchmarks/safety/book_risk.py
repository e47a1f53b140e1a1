"""Where the limit of a day's CVaR stands on real candles, and what book risk costs a backtest.

``python -m benchmarks book_risk --datadir ../shared/data/candles/binance``

The books are measured every third day, with the candles that were closed then. The cost is the
processor time of plain ``freqtrade backtesting`` without and with book risk, least of several runs
in turn; with limits so wide that they refuse nothing, the trades must be the same: the parity
check.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.safety.crashes import STRATEGIES
from benchmarks.support.candles import frame_of, pairs_in
from benchmarks.support.options import Period, add_candle_options, parser
from benchmarks.support.result import Result, Say, at_least, at_most, finish, progress
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.risk.book.comovement import view
from freqpilot.risk.book.covariance import Closes, aligned
from freqpilot.risk.book.value_at_risk import draws, tail
from freqpilot.settings import Settings

SETTINGS = Settings()
BOOK = SETTINGS.risk.book
DAY, HOUR = 86_400, 3_600
BOOKS: dict[str, dict[str, float]] = {
    "ordinary, 50 %": {"BTC": 0.15, "ETH": 0.15, "XRP": 0.20},
    "ordinary, six of 8 %": dict.fromkeys(("ADA", "BTC", "ETH", "LINK", "LTC", "XRP"), 0.08),
    "three majors of 15 %": dict.fromkeys(("BTC", "ETH", "XRP"), 0.15),
    "three alts of 15 %": dict.fromkeys(("ADA", "LINK", "NEO"), 0.15),
    "three wild alts of 15 %": dict.fromkeys(("AVAX", "NEAR", "SOL"), 0.15),
}
CRASHES = ("2020-03-14", "2021-05-21", "2022-06-15", "2022-11-11")
WIDE = {"max_correlated": 99, "cluster_cap": 1.0, "var_limit": 1.0, "max_stress_loss": 1.0}
KINDS: dict[str, dict[str, Any]] = {
    "off": {"enabled": False},
    "wide limits": WIDE,
    "as it ships": {},
}
MOST_COST = 0.05


def main() -> int:
    """Run both parts; returns the exit status."""
    made = parser("book_risk", __doc__)
    add_candle_options(
        made, "20230101-20231231", default="20230101-20231231; the books are of all candles"
    )
    made.add_argument("--runs", type=int, default=3, help="backtests of each kind")
    given = made.parse_args()
    say = progress()
    figures: dict[str, Any] = {"limit": BOOK.var_limit, "cvar_99": _calibrate(given.datadir, say)}
    parity = True
    for strategy in ("Autopilot", "Reckless"):
        found = _cost(given.datadir, strategy, given.timerange, given.runs, say)
        figures[f"cost, {strategy}"] = found
        parity = parity and found["same trades"]
    passes = figures["cvar_99"]["ordinary, 50 %"]["days within the limit"]
    targets = {
        "cost of a backtest": at_most(figures["cost, Autopilot"]["share of the time"], MOST_COST),
        "ordinary book passes": at_least(passes, 0.9),
    }
    return finish(Result("book_risk", figures, targets, parity, strict=True), given)


def _calibrate(datadir: Path, say: Say) -> dict[str, Any]:
    known = {
        coin: _closes(datadir, coin)
        for coin in sorted({coin for book in BOOKS.values() for coin in book})
    }
    noise = draws(SETTINGS.seed, 8, BOOK.simulations, BOOK.freedom)
    found: dict[str, Any] = {}
    for name, book in BOOKS.items():
        first = max(int(known[coin].date[0]) for coin in book) + (BOOK.lookback_days + 1) * DAY
        last = min(int(known[coin].date[-1]) for coin in book)
        days = range(-(-first // DAY) * DAY, last, 3 * DAY)
        worst = np.array([_cvar(book, known, day, noise) for day in days])
        at_crash = {
            day: round(_cvar(book, known, _stamp(day), noise), 3)
            for day in CRASHES
            if _stamp(day) >= first
        }
        found[name] = {
            "from": f"{datetime.fromtimestamp(days[0], UTC):%Y-%m-%d}",
            "median": round(float(np.median(worst)), 3),
            "quantile 95 %": round(float(np.quantile(worst, 0.95)), 3),
            "largest": round(float(worst.max()), 3),
            "days within the limit": round(float((worst <= BOOK.var_limit).mean()), 3),
            "two days after a crash": at_crash,
        }
        say(f"{name}: {found[name]}")
    return found


def _cvar(book: dict[str, float], known: dict[str, Closes], end: int, noise: Any) -> float:
    closes = {coin: known[coin] for coin in sorted(book)}
    seen = view(aligned(closes, end - BOOK.lookback_days * DAY, end, HOUR), 24, noise)
    weights = np.array([book[coin] for coin in seen.known])
    assert len(weights) == len(book), f"{sorted(set(book) - set(seen.known))}: too few candles"
    return max(tail(-(weights @ returns), 0.99).cvar for returns in (seen.history, seen.drawn))


def _closes(datadir: Path, coin: str) -> Closes:
    frame = frame_of(datadir, f"{coin}/USDT")
    date = frame["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    return Closes(date, frame["close"].to_numpy(dtype=np.float64))


def _stamp(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def _cost(datadir: Path, strategy: str, timerange: Period, runs: int, say: Say) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in KINDS}
    trades: dict[str, BacktestRun] = {}
    _backtest(datadir, strategy, timerange, {"enabled": False})  # compiles what is not yet
    for _ in range(runs):
        for name, book in KINDS.items():
            began = _processor_seconds()
            trades[name] = _backtest(datadir, strategy, timerange, book)
            seconds[name].append(_processor_seconds() - began)
            say(f"{strategy}, {name}: {seconds[name][-1]:.1f} s")
    columns = ["pair", "open_date", "close_date", "stake_amount", "profit_abs"]
    least = {name: min(each) for name, each in seconds.items()}
    most = max(least["wide limits"], least["as it ships"])
    return {
        "trades": {name: len(run.trades) for name, run in trades.items()},
        "seconds": {name: round(each, 2) for name, each in least.items()},
        "share of the time": round(1 - least["off"] / most, 4),
        "same trades": trades["wide limits"].trades[columns].equals(trades["off"].trades[columns]),
    }


def _processor_seconds() -> float:
    """Return what the child processes so far have used; a busy machine does not add to it."""
    used = os.times()
    return used.children_user + used.children_system


def _backtest(datadir: Path, strategy: str, timerange: Period, book: dict[str, Any]) -> BacktestRun:
    weights = dict(SETTINGS.signals.weights)
    del weights["model_forecast"]
    total = sum(weights.values())
    signals = {"weights": {name: weight / total for name, weight in weights.items()}}
    section = {"risk": {"book": book}, "signals": signals}
    overlay: dict[str, Any] = {
        "pairlists": [{"method": "StaticPairList"}],
        "freqpilot": section,
        "dry_run_wallet": 1_000,  # of the first tier, whose positions are the largest
    }
    if strategy == "Reckless":
        overlay |= {"strategy_path": str(STRATEGIES), "max_open_trades": 10}
    layers = ("base", "freqpilot") if strategy == "Reckless" else ("base", "autopilot", "freqpilot")
    work = Path(tempfile.mkdtemp(prefix="book-risk-"))
    options = BacktestOptions(
        datadir=datadir,
        pairs=pairs_in(datadir),
        start=timerange.begin,
        end=timerange.end,
        user_data=work,
        layers=layers,
        overlay=overlay,
        strategy=strategy,
    )
    return load_run(run_backtest(options))


if __name__ == "__main__":
    sys.exit(main())
