"""Which orders of a backtest the supervisor cut or refused, as the host wrote it into the exported
config."""

from collections.abc import Mapping, Sequence
from typing import Any

from freqpilot.journal import page
from freqpilot.journal.backtest import BacktestRun

HEAD = ("", "by rule", "entry tag", "orders", "pairs", "mean stake asked", "mean stake allowed")


def interventions_of(run: BacktestRun) -> Sequence[Mapping[str, Any]]:
    """Return the rows by kind, rule and tag; none for a result without the supervisor's record."""
    section = run.config.get("freqpilot", {})
    noted = section.get("run", {}) if isinstance(section, Mapping) else {}
    found = noted.get("interventions", ()) if isinstance(noted, Mapping) else ()
    return found if isinstance(found, Sequence) else ()


def interventions_section(run: BacktestRun) -> str:
    """Return the section of the report, empty where every order went through as it was."""
    rows = [
        (
            str(each["kind"]),
            str(each["rule"]),
            str(each["tag"]),
            f"{each['orders']:,}",
            f"{each['pairs']:,}",
            f"{each['asked']:,.2f}",
            f"{each['allowed']:,.2f}",
        )
        for each in interventions_of(run)
    ]
    if not rows:
        return ""
    text = (
        f"Orders of the strategy that the limits cut or refused, stakes in {run.stake_currency}. "
        "One that is asked for again within its candle counts once. Closed are positions that were "
        "left at their catastrophe stop or near their liquidation."
    )
    return page.section("Cut and refused", page.note(text), page.table(HEAD, rows))
