"""What each sleeve of a backtest has earned, as the host wrote it into the exported config."""

from collections.abc import Mapping
from typing import Any

from freqpilot.journal import page
from freqpilot.journal.backtest import BacktestRun

HEAD = (
    "sleeve",
    "strategy",
    "budget",
    "PnL",
    "fees",
    "funding",
    "deepest drawdown",
    "switched off",
    "waited for its tier",
)


def sleeves_of(run: BacktestRun) -> Mapping[str, Mapping[str, Any]]:
    """Return the figures of each sleeve by name; nothing for a strategy without sleeves."""
    section = run.config.get("freqpilot", {})
    noted = section.get("run", {}) if isinstance(section, Mapping) else {}
    found = noted.get("sleeves", {}) if isinstance(noted, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def sleeve_rows(run: BacktestRun) -> list[tuple[str, ...]]:
    """Return the table's rows, under :data:`HEAD`."""
    rows = []
    for name, each in sleeves_of(run).items():
        money = [f"{each[key]:+,.2f}" for key in ("pnl", "fees", "funding")]
        if "budget" not in each:
            rows.append((f"({name})", "", "", *money, "", "", ""))
            continue
        budget, fall = f"{each['budget']:.1%}", f"{each['worst_drawdown']:.1%}"
        off, waited = f"{each['switched_off']} times", f"{each.get('waited', 0):,} candles"
        rows.append((name, each["strategy"], budget, *money, fall, off, waited))
    return rows


def sleeves_section(run: BacktestRun) -> str:
    """Return the section of the report, empty for a strategy without sleeves."""
    rows = sleeve_rows(run)
    if not rows:
        return ""
    text = (
        f"In {run.stake_currency}, by sub-ledger: fills go to the sleeves that wanted them; what "
        "sleeves trade with each other is at the candle's close and without fee, which a bot for "
        "each would have paid. The sums are the account's trades."
    )
    return page.section("Sleeves", page.note(text), page.table(HEAD, rows))
