"""A backtest beside itself, as it is shown: tables for a terminal, a section for the page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from freqpilot.journal import charts, page
from freqpilot.journal.backtest import BacktestRun, halts_released
from freqpilot.journal.beside import PROFITS, Beside, Fate
from freqpilot.journal.interventions import interventions_of

if TYPE_CHECKING:
    from rich.table import Table

MOST_TRADES = 30
HEAD = ("", "without", "with the supervisor", "difference")
FATES = ("what became of a trade", "trades", "profit without", "profit with", "difference")
TRADES = ("entry", "pair", "what", "difference", "stake", "profit without", "profit with")
WORDS = (
    "Each trade of either backtest is in one line, matched by pair and entry candle. Smaller and "
    "larger: the stake, by more than 1 %. Closed by Freqpilot: by its halt or a stop, the whole or "
    "a part. Not taken: a limit refused it, or the money or a slot was in another trade. Pair was "
    "open: not taken either, as the trade before in its pair had not ended. Only with it: taken "
    "where the pair, a slot or the money was free."
)
RULES = ("", "by rule", "orders")


def figures(both: Beside) -> list[tuple[str, str, str, str]]:
    """Return the rows under :data:`HEAD`: what each of the two did."""
    alone, guarded = both.sides
    money = both.guarded.stake_currency

    def share(name: str, one: float, other: float) -> tuple[str, str, str, str]:
        return name, f"{one:+.1%}", f"{other:+.1%}", f"{(other - one) * 100:+.1f} points"

    def amount(name: str, one: float, other: float) -> tuple[str, str, str, str]:
        return name, f"{one:,.2f}", f"{other:,.2f}", f"{other - one:+,.2f}"

    worst, ours = (f"{each.worst:+.1%}{_on(each.worst_day)}" for each in (alone, guarded))
    change = f"{(guarded.worst - alone.worst) * 100:+.1f} points"
    return [
        share("Return", alone.total, guarded.total),
        amount(f"Final balance, {money}", alone.final, guarded.final),
        share(_drawdown(both), -alone.drawdown, -guarded.drawdown),
        ("Worst day", worst, ours, change),
        share("Tail loss: mean of the worst 5 % of days", -alone.tail, -guarded.tail),
        ("Trades", str(alone.trades), str(guarded.trades), f"{guarded.trades - alone.trades:+d}"),
        amount(f"Fees and funding paid, {money}", alone.paid, guarded.paid),
    ]


def fates(both: Beside) -> list[tuple[str, ...]]:
    """Return the rows under :data:`FATES`, and their sum."""
    rows = [
        (str(fate), f"{count:,}", *(f"{value:+,.2f}" for value in sums))
        for fate, count, *sums in both.by_fate()
    ]
    sums = [f"{float(both.trades[name].sum()):+,.2f}" for name in PROFITS]
    return [*rows, ("all", f"{len(both.trades):,}", *sums)]


def rules(run: BacktestRun) -> list[tuple[str, str, str]]:
    """Return the rows under :data:`RULES`: what the supervisor changed, over all entry tags."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in interventions_of(run):
        counts[str(row["kind"]), str(row["rule"])] += int(row["orders"])
    return [(kind, rule, f"{orders:,}") for (kind, rule), orders in counts.most_common()]


def tables(both: Beside) -> Iterator["Table"]:
    """Yield what a terminal shows."""
    from rich.table import Table

    mark = "SYNTHETIC market · " if both.guarded.synthetic else ""
    parts: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = [
        (f"{mark}{both.guarded.strategy}, with and without the supervisor", HEAD, figures(both)),
        (f"Where the difference comes from, {both.guarded.stake_currency}", FATES, fates(both)),
    ]
    if found := rules(both.guarded):
        parts.append(("Cut and refused", RULES, found))
    for title, head, rows in parts:
        table = Table(title=title, title_justify="left")
        for place, name in enumerate(head):
            words = place == 0 or name == "by rule"
            table.add_column(name, justify="left" if words else "right")
        for row in rows:
            if row[0] == "all":
                table.add_section()
            table.add_row(*row)
        yield table


def lines(both: Beside) -> list[str]:
    """Return the sentences below the tables."""
    found = [f"Equity: {both.guarded.equity_note}."]
    noted = both.guarded.config["freqpilot"]["run"]
    if released := halts_released(noted):
        halts = "1 halt was" if released == 1 else f"{released} halts were"
        found.append(f"{halts} released by a simulated operator, as a person would have to.")
    if noted.get("halted"):
        found.append(f"At the end the account is halted: {noted['halted']}.")
    return [*found, *both.notes]


def section(both: Beside) -> str:
    """Return the section of the report."""
    currency = both.guarded.stake_currency
    shown = both.trades.reindex(both.trades["difference"].abs().sort_values(ascending=False).index)
    shown = shown[shown["fate"] != Fate.SAME].head(MOST_TRADES)
    parts = [
        page.note(
            "The same backtest twice: strategy, candles, wallet and fees are the same. A limit "
            "costs profit in the years in which nothing happens; look at drawdown and tail first."
        ),
        page.table(HEAD, figures(both)),
        page.chart(charts.beside_chart(both.alone.equity, both.guarded.equity, currency), "beside"),
        *(page.note(line) for line in lines(both)),
        "<h3>Where the difference comes from</h3>",
        page.note(f"{WORDS} Profits in {currency}."),
        page.table(FATES, fates(both)),
        page.chart(charts.steps_chart(_steps(both), currency), "steps"),
    ]
    if found := rules(both.guarded):
        parts += ["<h3>Cut and refused, by rule</h3>", page.table(RULES, found)]
    if len(shown):
        most = f"The {len(shown)} trades that differ most, of {len(both.trades):,}."
        rows = [_row(row) for row in shown.to_dict("records")]
        parts += ["<h3>Trade by trade</h3>", page.note(most), page.table(TRADES, rows)]
    return page.section("With and without the supervisor", *parts)


def _steps(both: Beside) -> list[tuple[str, float, str]]:
    """Return how the profit without the supervisor becomes the one with it."""
    profit, left = (float(both.trades[name].sum()) for name in PROFITS[:2])
    moved = [
        (str(fate), change, "relative")
        for fate, _, _, _, change in both.by_fate()
        if round(change, 2)
    ]
    return [("without", profit, "absolute"), *moved, ("with", left, "total")]


def _row(row: dict[object, object]) -> tuple[str, ...]:
    alone, guarded = float(str(row["stake_alone"])), float(str(row["stake_guarded"]))
    exits = [str(row[name]) for name in ("exit_alone", "exit_guarded") if _is_text(row[name])]
    stake = f"{alone:,.2f} → {guarded:,.2f}" if alone != guarded else f"{alone:,.2f}"
    what = str(row["fate"])
    if len(set(exits)) == 2:
        what = f"{exits[0]} → {exits[1]}"
    one, other, change = (f"{float(str(row[name])):+,.2f}" for name in PROFITS)
    entry = f"{row['open_date']:%Y-%m-%d %H:%M}"
    return entry, f"{row['pair']} {row['side']}", what, change, stake, one, other


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _on(day: pd.Timestamp | None) -> str:
    return "" if day is None else f", {day:%Y-%m-%d}"


def _drawdown(both: Beside) -> str:
    notes = (both.alone.equity_note, both.guarded.equity_note)
    closed = any(note.startswith("closed trades only") for note in notes)
    return "Drawdown, closed trades only" if closed else "Drawdown of the wallet"
