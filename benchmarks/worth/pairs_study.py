"""``PairsReversion`` on real candles, with costs, beside holding and the trend baseline.

``python -m benchmarks pairs_study --datadir ../shared/data/candles/binance --json``

BTC and ETH perpetuals by plain ``freqtrade backtesting`` with mark prices and funding, supervisor
off; then all spot closes of the folder as if each could be sold short for nothing: the same columns
and rule in the library, without a bot. ``--page docs/results.md`` writes its section. Exits
non-zero when the library and the backtest do not find the same couples: then no figure here is
worth reading.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.support.candles import data_digest, frame_of, pairs_in
from benchmarks.support.options import Period, add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, finish
from benchmarks.worth.baselines import held_figures, run_figures
from benchmarks.worth.trend_lines import PUBLISHED, period_figures
from freqpilot import __version__
from freqpilot.features.candles.resample import HOUR
from freqpilot.host.frames.spreads import SECOND, Spreads, couple_id
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.candles import prices
from freqpilot.journal.measures import buy_and_hold
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.research.portfolio import book_path
from freqpilot.settings import PairsSettings
from freqpilot.shapes import Floats
from freqpilot.signals.pairs import Couple, PairsRule

NAME = "pairs_study"
FUTURES = ("BTC/USDT:USDT", "ETH/USDT:USDT")
SPOT = ("BTC/USDT", "ETH/USDT")
FEE = 0.0005
WALLET = 100_000
PERIODS = (Period.parse("20180601-20210101"), Period.parse("20210101-20250101"))
"""Those of the published figures; the backtest is of the last."""
SLOTS = 4
"""Couples at once; each has its part of the account, both legs together."""
BAND = 0.04
"""Of the account: below the smallest leg, and rarely reached by one that is held."""
LEVELS = (0.05, 1.0)
BEGIN, END = "<!-- pairs: written by the benchmark -->", "<!-- end of pairs -->"
HEAD = (
    "| | period | Sharpe | return a year | max drawdown | turnover | couples | won |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
)


class Book(NamedTuple):
    """Target weights (n_candles × n_pairs), and for each couple that ended what it earned before
    fees, as a share of what its legs were worth together."""

    target: Floats
    earned: list[float]


def panel(datadir: Path, pairs: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return all pairs' candles at the same open times; what is missing is NaN."""
    frames = {pair: frame_of(datadir, pair) for pair in pairs}
    dates = pd.DatetimeIndex(sorted(set().union(*(frame["date"] for frame in frames.values()))))
    return {
        pair: frame.drop_duplicates("date")
        .set_index("date")
        .reindex(dates)
        .rename_axis("date")
        .reset_index()
        for pair, frame in frames.items()
    }


def simulate(frames: Mapping[str, pd.DataFrame], settings: PairsSettings) -> Book:
    """Return the book of the rule with its defaults, decided at each close."""
    spreads, rule, names = Spreads(settings, HOUR), PairsRule(), list(frames)
    close = np.column_stack([frame["close"].to_numpy() for frame in frames.values()])
    columns = {
        pair: spreads.columns(pair, frame, names, frames.__getitem__)
        for pair, frame in frames.items()
    }
    sides = {
        pair: rule.side(seen["score"], seen["before"]) * seen["chosen"] * (seen["role"] == 1)
        for pair, seen in columns.items()
    }
    entering = np.column_stack(list(sides.values())) != 0
    target = np.zeros(close.shape)
    opened: dict[Couple, tuple[int, int]] = {}
    earned: list[float] = []
    for i in range(len(close)):
        for couple, (at, side) in list(opened.items()):
            seen = columns[couple.first]
            same = seen["couple"][i] == couple_id((couple.first, couple.second))
            score = float(seen["score"][i]) if same else np.nan
            if rule.leave(side, score, i - at, couple.hold):
                legs = [names.index(couple.first), names.index(couple.second)]
                moved = close[i, legs] / close[at, legs] - 1
                shares = np.array([couple.share(couple.first), -couple.share(couple.second)])
                earned.append(float(side * shares @ moved))
                del opened[couple]
        for k in np.flatnonzero(entering[i]):
            asked = Couple.parse(columns[names[k]]["couple_tag"][i])
            busy = {leg for each in opened for leg in (each.first, each.second)}
            if asked and len(opened) < SLOTS and busy.isdisjoint((asked.first, asked.second)):
                opened[asked] = i, int(sides[names[k]][i])
        for couple, (_, side) in opened.items():
            target[i, names.index(couple.first)] = side * couple.share(couple.first) / SLOTS
            target[i, names.index(couple.second)] = -side * couple.share(couple.second) / SLOTS
    return Book(target, earned)


def study(
    frames: Mapping[str, pd.DataFrame], level: float, periods: Sequence[Period]
) -> list[dict[str, Any]]:
    """Return the figures of all spot pairs, long and short, a row a period."""
    rows = []
    time = pd.DatetimeIndex(next(iter(frames.values()))["date"]) + pd.Timedelta(hours=1)
    for period in periods:
        begin, end = map(pd.Timestamp, period)
        inside = (time > begin - pd.Timedelta(days=120)) & (time <= end)
        part = {pair: frame[inside].reset_index(drop=True) for pair, frame in frames.items()}
        settings = PairsSettings(level=level)
        book = simulate(part, settings)
        close = np.column_stack([frame["close"].to_numpy() for frame in part.values()])
        path = book_path(book.target, close, FEE, BAND)
        found = period_figures(time[inside], path.returns, path.traded, period.dates)
        won = float(np.mean(np.array(book.earned) > 0)) if book.earned else float("nan")
        rows.append(found | {"couples": len(book.earned), "won": won})
    return rows


def backtest(
    datadir: Path, folder: Path, level: float, period: Period, *, resume: bool
) -> BacktestRun:
    """Return the backtest of the two perpetuals over a period."""
    if resume and list((folder / "backtest_results").glob("*.zip")):
        return load_run(folder / "backtest_results")
    pairs = {"couples": [list(FUTURES)], "level": level}
    result = run_backtest(
        BacktestOptions(
            datadir=datadir,
            pairs=FUTURES,
            start=period.begin,
            end=period.end,
            user_data=folder,
            fee=FEE,
            layers=("base", "freqpilot"),
            strategy="PairsReversion",
            overlay={
                "trading_mode": "futures",
                "margin_mode": "isolated",
                "pairlists": [{"method": "StaticPairList"}],
                "max_open_trades": 2,
                "dry_run_wallet": WALLET,
                "tradable_balance_ratio": 1.0,
                "freqpilot": {"supervisor": False, "signals": {"pairs": pairs}},
            },
        )
    )
    return load_run(result)


def backtest_figures(run: BacktestRun) -> dict[str, Any]:
    """Return a backtest's figures; a couple has won when both legs together have."""
    profit = run.trades.groupby("enter_tag")["profit_abs"].sum()
    won = float((profit > 0).mean()) if len(profit) else float("nan")
    exits = {str(k): int(n) for k, n in run.trades["exit_reason"].value_counts().items()}
    return run_figures(run) | {"couples": len(profit), "won": won, "exits": exits}


def same_couples(run: BacktestRun, datadir: Path, level: float) -> bool:
    """Tell whether each couple of a backtest was an entry of the library, by the perpetuals'
    candles alone."""
    frames = {pair: frame_of(datadir, pair) for pair in FUTURES}
    spreads = Spreads(PairsSettings(couples=(FUTURES,), level=level), HOUR)
    seen = spreads.columns(FUTURES[0], frames[FUTURES[0]], FUTURES, frames.__getitem__)
    side = PairsRule().side(seen["score"], seen["before"]) * seen["chosen"]
    opened = frames[FUTURES[0]]["date"].to_numpy(dtype="datetime64[ns]").astype(np.int64) // SECOND
    known = dict(zip(opened.tolist(), zip(side, seen["hedge"], strict=True), strict=True))
    first = run.trades[run.trades["pair"] == FUTURES[0]]
    for tag, short in zip(first["enter_tag"], first["is_short"], strict=True):
        couple = Couple.parse(tag)
        if couple is None:
            return False
        its, hedge = known[couple.candle]
        if its != (-1 if short else 1) or abs(hedge - couple.hedge) > 1e-4:
            return False
    return True


def section(document: Mapping[str, Any]) -> str:
    """Return the section in Markdown, with its markers."""
    periods = [" – ".join(period) for period in document["periods"]]
    last, rows = periods[-1], []
    for level, row in document["backtest"].items():
        rows.append(_row(f"BTC/ETH perpetuals, backtest, level {level}", last, row))
    rows.append(_row("BTC and ETH held, equal weights", last, document["held"]))
    for level, found in document["study"].items():
        for period, row in zip(periods, found, strict=True):
            name = f"{len(document['pairs'])} spot pairs, library, level {level}"
            rows.append(_row(name, period, row))
    for period, published in zip(periods, document["published"], strict=False):
        sharpe, yearly, fall, turned = published
        base = {"sharpe": sharpe, "return_a_year": yearly, "max_drawdown": -fall}
        name = "Trend baseline, long only, as published"
        rows.append(_row(name, period, base | {"turnover": turned}))
    versions = document["versions"]
    checks = "; ".join(
        f"{name.replace('_', ' ')} {'holds' if held else '**does not hold**'}"
        for name, held in document["checks"].items()
    )
    return "\n".join(
        [
            BEGIN,
            "## PairsReversion",
            "",
            f"`python -m benchmarks pairs_study`, 1h candles, fee {FEE * 100:g} % of each fill, "
            f"supervisor off, default parameters, Freqtrade {versions['freqtrade']}, Freqpilot "
            f"{versions['freqpilot']}, data `{document['data_digest']}`. The perpetuals' backtest "
            "pays funding and puts the whole account into one couple. The spot pairs are a study: "
            f"as if each could be sold short for nothing, at most {SLOTS} couples, a "
            f"{_ordinal(SLOTS)} of the account each, without slippage. Level 1 is without the test "
            "of cointegration. The pairs are known to have survived.",
            "",
            *HEAD,
            *rows,
            "",
            f"Exits of the backtests, by leg: {json.dumps(document['exits'])}. "
            f"The backtest against the library: {checks}.",
            END,
            "",
        ]
    )


def _ordinal(number: int) -> str:
    return {2: "half", 3: "third", 4: "quarter"}.get(number, f"1/{number}")


def _row(name: str, period: str, row: Mapping[str, Any]) -> str:
    turnover = f"{row['turnover']:.2f}×"
    sharpe = f"{row['sharpe']:.2f}" if np.isfinite(row["sharpe"]) else "–"
    cells = [sharpe, _percent(row["return_a_year"]), _percent(row["max_drawdown"])]
    cells += [turnover, str(row.get("couples", "")), _percent(row["won"]) if "won" in row else ""]
    return f"| {name} | {period} | {' | '.join(cells)} |"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if np.isfinite(value) else "–"


def main() -> int:
    """Run everything, print and write the section; returns the exit status."""
    made = parser(NAME, __doc__)
    default = f"{' and '.join(map(str, PERIODS))}, of the backtest the last"
    add_candle_options(made, None, default=default, needs=(*SPOT, *FUTURES))
    add_page_option(made)
    made.add_argument("--resume", action="store_true", help="take runs that --userdir holds")
    made.add_argument("--userdir", type=Path, default=Path("user_data/benchmark-pairs"))
    options = made.parse_args()
    periods = (options.timerange,) if options.timerange else PERIODS
    result = measure(options.datadir, options.userdir.resolve(), periods, resume=options.resume)
    return finish(result, options, section({**result.about, **result.figures}))


def measure(datadir: Path, userdir: Path, periods: Sequence[Period], *, resume: bool) -> Result:
    """Backtest over the last period, study all, and compare the couples of both."""
    spot, last = pairs_in(datadir), periods[-1]
    runs = {
        level: backtest(datadir, userdir / f"{level:g}-{last}", level, last, resume=resume)
        for level in LEVELS
    }
    held = buy_and_hold(prices(datadir, SPOT, "1h", last), WALLET, FEE)
    frames = panel(datadir, spot)
    figures = {f"{level:g}": backtest_figures(run) for level, run in runs.items()}
    checks = {
        f"entries_at_level_{level:g}": same_couples(run, datadir, level)
        for level, run in runs.items()
    }
    found = {
        "backtest": figures,
        "exits": {level: row["exits"] for level, row in figures.items()},
        "held": held_figures(held, WALLET, FEE, last.days),
        "study": {f"{level:g}": study(frames, level, periods) for level in LEVELS},
    }
    about = {
        "pairs": list(spot),
        "fee": FEE,
        "periods": [list(period.dates) for period in periods],
        "published": PUBLISHED["long only"] if periods == PERIODS else (),
        "checks": checks,
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(datadir, spot),
    }
    return Result(NAME, found, parity=all(checks.values()), about=about)


if __name__ == "__main__":
    sys.exit(main())
