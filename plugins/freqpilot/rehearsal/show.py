"""What a person sees of a rehearsal: progress, the summary, the stand-in in the foreground."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from freqpilot.rehearsal.bot.live import LiveSummary
from freqpilot.rehearsal.bot.scenarios import Outcome
from freqpilot.rehearsal.clock import FastClock
from freqpilot.rehearsal.compare.comparison import Comparison
from freqpilot.rehearsal.compare.differences import UNEXPLAINED
from freqpilot.rehearsal.exchange.server import serve
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.session import RehearsalProgress, RehearsalSummary, RehearsedTrade

HISTORY_DAYS = 60
MOST_LINES = 30
AHEAD_DAYS = 365


class Progress:
    """A progress bar on a terminal; a line each tenth of the way where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting freqtrade", total=1.0)
        self._tenth = -1

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, step: RehearsalProgress) -> None:
        """Show one step."""
        text = f"{step.now:%Y-%m-%d %H:%M}  loops {step.loops}  open trades {step.open_trades}"
        self._bar.update(self._task, completed=step.share, description=text)
        tenth = int(step.share * 10)
        if not self._console.is_terminal and tenth > self._tenth:
            self._tenth = tenth
            self._console.print(f"{step.share:4.0%}  {text}  ({step.wall_seconds:.0f} s)")


def print_summary(summary: RehearsalSummary, console: Console) -> None:
    """Print what happened and every trade found in Freqtrade's database."""
    label = "SYNTHETIC market" if summary.synthetic else "recorded market"
    console.print(
        f"{label}: {summary.loops} loops, {summary.virtual_hours:.1f} market hours in "
        f"{summary.wall_seconds:.0f} s ({summary.speed:.0f}× real time), "
        f"{summary.requests} requests{'' if summary.finished else ', stopped before its end'}"
    )
    _table(f"Closed trades ({label})", summary.trades, console)
    _table(f"Open trades ({label})", summary.open_trades, console)
    for path, times in summary.unknown.items():
        console.print(f"not known to the stand-in: {path} ({times}×)")
    for line in summary.errors:
        console.print(f"freqtrade: {line}", markup=False)
    console.print(f"database and logs: {summary.run_dir}", soft_wrap=True)


def print_live_summary(result: LiveSummary, console: Console) -> None:
    """Print what happened in live mode: the run, the orders, faults, differences and breaches."""
    print_summary(result.run, console)
    label = "SYNTHETIC" if result.run.synthetic else "recorded market"
    met = Counter(str(strike.fault) for strike in result.strikes)
    table = Table("live mode", label, title="The account", show_header=True)
    table.add_row("orders, fills", f"{result.orders}, {result.fills}")
    table.add_row("balances", ", ".join(f"{v:f} {k}" for k, v in result.balances.items()))
    table.add_row("requests met by faults", _counted(met))
    table.add_row("bot killed and started again", f"{result.kills} times")
    table.add_row("differences the bot found and mended", str(len(result.differences)))
    table.add_row("breaches of what must always hold", str(len(result.breaches)))
    console.print(table)
    for strike in result.strikes[:MOST_LINES]:
        console.print(f"  fault: {strike}", markup=False, soft_wrap=True)
    if len(result.strikes) > MOST_LINES:
        console.print(f"  … and {len(result.strikes) - MOST_LINES} more")
    for text in result.differences:
        console.print(f"  difference: {text}", markup=False, soft_wrap=True)
    for breach in result.breaches:
        console.print(f"  BREACH {breach}", markup=False, soft_wrap=True, style="bold red")


def print_comparison(result: Comparison, console: Console) -> None:
    """Print what the rehearsal and the backtest of its candles share, and every difference."""
    label = "SYNTHETIC" if result.synthetic else "recorded market"
    console.print(
        f"backtest of the same candles ({label}): {result.live} entries live, {result.backtest} in "
        f"the backtest, {result.matched} the same decision; {len(result.differences)} differences, "
        f"{len(result.unexplained)} unexplained"
    )
    if result.differences:
        title = f"Differences ({label})"
        table = Table("pair", "decision", "what", "live", "backtest", "cause", title=title)
        for each in result.differences:
            style = "bold red" if each.cause == UNEXPLAINED else None
            when = f"{each.candle:%m-%d %H:%M}"
            table.add_row(
                each.pair, when, each.what, each.live, each.backtest, each.cause, style=style
            )
        console.print(table)
    console.print(f"backtest: {result.result}", soft_wrap=True)


def print_outcomes(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print what became of a bot in each scenario: a table, and what there is to say of each."""
    head = (
        "scenario",
        "market",
        "held",
        "before",
        "lowest",
        "after",
        "drawdown",
        "halted",
        "rules",
    )
    table = Table(*head, title="What became of the account", title_justify="left")
    for each in outcomes:
        table.add_row(
            each.scenario,
            "SYNTHETIC" if each.synthetic else "recorded",
            f"{each.exposed:.0%}" if each.synthetic else "",
            *(f"{value:,.2f}" for value in (each.before, each.lowest, each.after)),
            f"{each.drawdown:.1%}",
            "yes" if each.halts else "no",
            _rules(each),
            style=None if each.holds else "bold red",
        )
    console.print(table)
    for each in outcomes:
        label = "SYNTHETIC" if each.synthetic else "recorded"
        console.print(f"\n{each.scenario} ({label}): {each.what}", style="bold")
        for line in _outcome_lines(each):
            style = "bold red" if line.startswith("BREACH") else None
            console.print(f"  {line}", markup=False, soft_wrap=True, style=style)


def _rules(each: Outcome) -> str:
    if not each.holds:
        return "BROKEN"
    return "kept" if each.held or not each.synthetic else "nothing held"


def _outcome_lines(each: Outcome) -> list[str]:
    if each.struck is None:
        return ["BREACH it never struck: the bot did not run that long", f"logs: {each.folder}"]
    when = f"{each.struck[:16].replace('T', ' ')} UTC"
    held = (
        ", ".join(each.held)
        or "nothing: there was nothing to lose; try another --seed, or more --days"
    )
    struck = f"struck {when}, when the bot held {held}"
    found = [struck if each.synthetic else f"played from {when} on"]
    if not each.supervised:
        found.append("without the supervisor: add Freqpilot's layers to see what it would do")
    if each.worth != each.after:
        found.append(f"what is left is worth {each.worth:,.2f} {each.currency} of before")
    found += [f"halted: {text}" for text in each.halts]
    if each.exits:
        found.append(f"trades closed since: {_counted(Counter(each.exits))}")
    if each.changed:
        found.append(f"orders cut and refused: {_counted(Counter(each.changed))}")
    if each.unsent:
        found.append(f"orders that the exchange did not accept: {_counted(Counter(each.unsent))}")
    if each.unable:
        found.append(f"exits that could not be sent: {_counted(Counter(each.unable))}")
    if each.naked:
        looks = ", ".join(f"{pair} at {times} looks" for pair, times in each.naked.items())
        left = ", ".join(each.unstopped) or "none"
        found.append(f"without a stop or an exit in the books: {looks}; at the end {left}")
    if each.stuck:
        found.append(f"held and not traded any more, worth nothing: {', '.join(each.stuck)}")
    found += [f"follows from the scenario: {text}" for text in each.expected]
    found += [f"BREACH {text}" for text in each.breaches]
    if not each.finished:
        found.append("BREACH stopped before its end")
    return [*found, f"database and logs: {each.folder}"]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counts.items())) or "none"


def _table(title: str, trades: Sequence[RehearsedTrade], console: Console) -> None:
    if not trades:
        console.print(f"{title}: none")
        return
    table = Table("pair", "opened", "closed", "stake", "profit", "exit", "reasons", title=title)
    for trade in trades:
        profit = "" if trade.profit_ratio is None else f"{trade.profit_ratio:+.2%}"
        table.add_row(
            trade.pair,
            trade.open_date[:16],
            (trade.close_date or "")[:16],
            f"{trade.stake:.2f}",
            profit,
            trade.exit_reason or "",
            trade.enter_tag or "",
        )
    console.print(table)


def serve_market(
    datadir: Path | None, port: int, speed: float, seed: int, say: Callable[[str], None]
) -> None:
    """Serve recorded candles from the middle of their time on, or an invented market from now on,
    until it is interrupted."""
    if datadir is None:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = 24 * (HISTORY_DAYS + AHEAD_DAYS)
        begin = start - timedelta(days=HISTORY_DAYS)
        tape = Tape.from_market(SyntheticMarket(start=begin, candles=hours, seed=seed))
    else:
        tape = Tape.from_folder(datadir)
        start = datetime.fromtimestamp((tape.start + tape.end) / 2000, UTC)
    label = "SYNTHETIC market" if tape.synthetic else f"candles of {datadir}"
    say(f"{label} at http://127.0.0.1:{port}, {len(tape.pairs)} pairs; Ctrl-C stops it")
    serve(tape, port, FastClock(start, speed))
