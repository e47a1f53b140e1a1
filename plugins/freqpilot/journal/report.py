"""The report of a backtest: one HTML file that needs no network, and a short table for a terminal.

It shows what was measured beside the targets; it promises nothing.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from freqpilot.journal import besidepage, charts, page
from freqpilot.journal.backtest import BacktestRun, halts_released
from freqpilot.journal.beside import Beside
from freqpilot.journal.candles import is_synthetic, prices
from freqpilot.journal.contributions import contributions
from freqpilot.journal.interventions import interventions_section
from freqpilot.journal.measures import (
    Costs,
    buy_and_hold,
    costs,
    monthly,
    performance,
    scorecard,
    turnover,
)
from freqpilot.journal.sleeves import sleeve_rows, sleeves_section
from freqpilot.risk.account.ledger import STREAK_REVIEW
from freqpilot.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

NO_TRADES = "No trades: the strategy entered no position in this period."
SYNTHETIC = (
    "The prices are invented by a seeded generator. Nothing here says how a real market went."
)
COLOURS = {"target met": "good", "minimum met": "fair", "below minimum": "poor", "not measured": ""}


def write_report(run: BacktestRun, datadir: Path, path: Path, both: Beside | None = None) -> Path:
    """Write the report of ``run`` to ``path`` and return it.

    :param datadir: folder of the candles that were traded on, for prices and buy and hold; a pair
        whose candles are not there is named.
    :param both: ``run`` beside the same backtest without the supervisor.
    """
    found = prices(datadir, run.pairs, run.timeframe, run.timerange)
    held = buy_and_hold(found, run.starting_balance, fee_rate(run))
    synthetic = run.synthetic or is_synthetic(datadir)
    absent = [pair for pair in run.pairs if pair not in found]
    body = [
        *([page.banner("SYNTHETIC", SYNTHETIC)] if synthetic else []),
        _header(run),
        *([besidepage.section(both)] if both else []),
        _scorecard(run, held, absent),
        _equity(run, held),
        _trades(run, found),
        interventions_section(run),
        sleeves_section(run),
        _contributions(run),
        _months(run),
        _costs(run),
        page.note(
            "Past results, and those of a simulation more so, do not tell what will come: a "
            "backtest knows no delays, no partial fills and no market that answers back."
        ),
    ]
    title = f"{'SYNTHETIC · ' if synthetic else ''}{run.strategy} · {_period(run)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.page(title, body), encoding="utf-8")
    return path


def summary_table(run: BacktestRun) -> "Table":
    """Return the scorecard as a table for the terminal."""
    from rich.table import Table

    mark = "SYNTHETIC market · " if run.synthetic else ""
    table = Table(title=f"{mark}{run.strategy} · {_period(run)}", title_justify="left")
    for name in ("", "measured", "target", "minimum", ""):
        table.add_column(name, justify="left" if name == "" else "right")
    for score in scorecard(run):
        shown = _figure(score.measured, score.percent)
        row = (score.name, shown, score.shown_target, score.shown_minimum, score.verdict)
        table.add_row(*row)
    paid, ours = costs(run), performance(run.equity)
    market = float(run.stats.get("market_change", math.nan))
    table.add_section()
    table.add_row("Total return", _figure(ours.total, True), "", "", "after costs")
    table.add_row("Market change", _figure(market, True), "", "", "mean of the pairs")
    table.add_row("Trades", str(len(run.trades)), "", "", "" if len(run.trades) else NO_TRADES)
    table.add_row("Fees", f"{paid.fees:,.2f}", "", "", run.stake_currency)
    table.add_row("Turnover", f"{turnover(run):,.1f} ×", "", "", "a year")
    for name, _, budget, earned, *_ in sleeve_rows(run):
        table.add_row(f"Sleeve {name}", earned, "", "", f"{run.stake_currency}, budget {budget}")
    return table


def config_digest(run: BacktestRun) -> str:
    """Return the first 12 hex digits of the SHA-256 of the config that the run was started with,
    without the paths of its files and what the host noted of the run itself."""
    content = {key: value for key, value in run.config.items() if key != "config_files"}
    if isinstance(section := content.get("freqpilot"), dict):
        content["freqpilot"] = {key: value for key, value in section.items() if key != "run"}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def fee_rate(run: BacktestRun) -> float:
    """Return the fee of a fill as a fraction: what the trades paid, else the config's, else 0."""
    if len(run.trades):
        return float(run.trades["fee_open"].median())
    return float(run.config.get("fee") or 0.0)


def _header(run: BacktestRun) -> str:
    section = run.config.get("freqpilot", {})
    seed = section.get("seed", Settings().seed) if isinstance(section, dict) else "—"
    packs = ", ".join(f"{name} {_version(name)}" for name in ("freqpilot", "freqtrade"))
    fee = fee_rate(run)
    wallet = f"{run.starting_balance:,.2f} {run.stake_currency}"
    items = [
        ("Period", f"{_period(run)} ({run.days:.0f} days, {run.timeframe} candles)"),
        ("Pairs", ", ".join(run.pairs)),
        ("Starting balance", wallet),
        ("Fee", f"{fee * 100:.3g} % of each fill" if fee else "not known: nothing was traded"),
        ("Model", str(run.stats.get("freqaimodel") or "none")),
        ("Versions", packs),
        ("Config digest", config_digest(run)),
        ("Seed", str(seed)),
        ("Risk supervisor", _supervision(section)),
        ("Result file", run.file.name),
    ]
    empty = "" if len(run.trades) else page.note(NO_TRADES)
    return f"<h1>{escape(run.strategy)}</h1>{page.note('Backtest')}{empty}{page.facts(items)}"


def _supervision(section: object) -> str:
    """Say what the supervisor did in the run, as the host wrote it into the exported config."""
    run = section.get("run", {}) if isinstance(section, dict) else {}
    if not run:
        return "no record in this result"
    if not run.get("supervisor", True):
        return "off, for comparison"
    vetoes = ", ".join(f"{rule} {times}" for rule, times in sorted(run["vetoes"].items()))
    halted = f"; halted at the end: {run['halted']}" if run.get("halted") else ""
    cuts = ", ".join(f"{rule} {times}" for rule, times in sorted(run.get("cuts", {}).items()))
    cut = f"; stakes cut: {cuts}" if cuts else ""
    told = f"{halted}{cut}; orders refused at the gate: {vetoes or 'none'}"
    if run.get("profile") == "watch":
        return f"watch: nothing was changed; it would have done this: {_releases(run)}{told}"
    return f"{_releases(run)}{told}"


def _releases(run: Mapping[str, Any]) -> str:
    """Say what the simulated operator did, by cause where the result names them."""
    causes = dict(run.get("released", {}))
    reviews = causes.pop(STREAK_REVIEW, 0)
    words = ", ".join(f"{cause.replace('_', ' ')} {times}" for cause, times in causes.items())
    told = f"{halts_released(run)} halts released by the simulated operator"
    told += f" ({words})" if words else ""
    return told + (f", {reviews} losing streaks reviewed by it" if reviews else "")


def _scorecard(run: BacktestRun, held: pd.Series, absent: list[str]) -> str:
    scores = scorecard(run, held)
    ours = performance(run.equity)
    known = len(held) > 1
    hold = performance(held) if known else None
    rows = [
        (
            score.name,
            _figure(score.measured, score.percent),
            score.verdict,
            score.shown_target,
            score.shown_minimum,
            _figure(score.baseline, score.percent),
        )
        for score in scores
    ]
    total = _figure(hold.total, True) if hold else "—"
    rows.append(("Total return", _figure(ours.total, True), "", "", "", total))
    sortino = _figure(hold.sortino, False) if hold else "—"
    rows.append(("Sortino ratio, a year", _figure(ours.sortino, False), "", "", "", sortino))
    rows.append(("Trades", str(len(run.trades)), "", "", "", ""))
    classes = [COLOURS[score.verdict] for score in scores] + ["", "", ""]
    text = (
        "Targets are aims that are shown, never promised. Ratios are of daily returns × √365, "
        "the month is compounded. Buy and hold spreads the starting balance evenly over the pairs "
        "and pays one fee."
    )
    if absent:
        text += f" Without candles, so not in it: {', '.join(absent)}."
    head = ("", "measured", "", "target", "minimum", "buy and hold")
    return page.section("Scorecard", page.table(head, rows, classes), page.note(text))


def _equity(run: BacktestRun, held: pd.Series) -> str:
    figure = charts.equity_chart(run.equity, held, run.stake_currency)
    text = f"Equity: {run.equity_note}."
    return page.section("Equity and drawdown", page.chart(figure, "equity"), page.note(text))


def _trades(run: BacktestRun, found: dict[str, pd.Series]) -> str:
    if run.trades.empty:
        return page.section("Trades", page.note(NO_TRADES))
    figure = charts.trades_chart(run.trades, found)
    absent = sorted(set(run.trades["pair"]) - set(found))
    text = "Triangle: entry; cross: exit; green gained, red lost. Choose the pair above."
    if absent:
        text += f" No candles were found for {', '.join(absent)}."
    return page.section(
        "Trades on price", page.chart(figure, "trades"), page.note(text), _groups(run)
    )


def _groups(run: BacktestRun) -> str:
    parts = []
    for title, column in (("by pair", "pair"), ("by exit", "exit_reason")):
        profits = {str(key): part["profit_abs"] for key, part in run.trades.groupby(column)}
        rows = [
            (key, str(len(profit)), f"{(profit > 0).mean() * 100:.0f} %", f"{profit.sum():+,.2f}")
            for key, profit in sorted(profits.items(), key=lambda item: -item[1].sum())
        ]
        head = (title, "trades", "won", f"profit, {run.stake_currency}")
        parts.append(page.table(head, rows))
    return "".join(parts)


def _contributions(run: BacktestRun) -> str:
    title = "Signal contributions"
    if run.signals_note:
        return page.section(title, page.note(run.signals_note))
    joined = contributions(run)
    if joined.empty:
        why = NO_TRADES if run.trades.empty else "The strategy exports no contrib_* columns."
        return page.section(title, page.note(why))
    shown = min(len(joined), charts.MAX_BARS)
    text = (
        f"What each analyst added to the composite in the candle before the entry, for {shown} of "
        f"{len(run.trades)} trades; below, the mean over trades that gained and that lost."
    )
    return page.section(
        title,
        page.note(text),
        page.chart(charts.contributions_chart(joined), "contributions"),
        page.chart(charts.winners_chart(joined), "winners"),
    )


def _months(run: BacktestRun) -> str:
    figure = charts.monthly_chart(monthly(run.equity))
    text = "The first and the last month count the days there are."
    return page.section("Monthly returns", page.chart(figure, "months"), page.note(text))


def _costs(run: BacktestRun) -> str:
    if run.trades.empty:
        return page.section("Costs", page.note(f"{NO_TRADES} Nothing was paid."))
    paid = costs(run)
    figure = charts.costs_chart(paid, run.stake_currency)
    return page.section("Costs", page.facts(_cost_items(run, paid)), page.chart(figure, "costs"))


def _cost_items(run: BacktestRun, paid: Costs) -> list[tuple[str, str]]:
    currency = run.stake_currency
    share = f"{paid.share * 100:.1f} %" if paid.before > 0 else "there was none before costs"
    items = [
        ("Fees paid", f"{paid.fees:,.2f} {currency}"),
        ("Share of profit before costs", share),
        ("Traded value", f"{paid.traded:,.2f} {currency}, entries and exits"),
        ("Turnover", f"{turnover(run):,.1f} × mean equity a year"),
    ]
    if paid.funding:
        items.insert(1, ("Funding paid", f"{paid.funding:,.2f} {currency}"))
    return items


def _period(run: BacktestRun) -> str:
    begin, end = run.timerange
    return f"{begin:%Y-%m-%d} – {end:%Y-%m-%d}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _figure(value: float, percent: bool) -> str:
    if not math.isfinite(value):
        return "—"
    return f"{value * 100:.1f} %" if percent else f"{value:.2f}"
