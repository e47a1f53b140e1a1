"""Differences between the exchange and the database: kept, counted, mended where orders tell."""

from typing import Any

from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Trade


def report(run: Run, text: str, level: str, data: dict[str, Any]) -> None:
    """Keep a difference, count it and let a person hear of it."""
    alerts.record(run, "difference", level, text, data)
    run.counters.count("differences")


def recount(run: Run, trade: Trade, owned: float) -> None:
    """Bring a trade's amount to what its orders say, where that is nearer to what the account owns.

    A bot killed between its two commits has the fills of an order but not their effect on the
    trade; Freqtrade would notice only for lack of coins, and then count a partial exit twice.
    """
    from freqtrade.persistence import Trade

    before = float(trade.amount)
    trade.recalc_trade_from_orders()
    if abs(float(trade.amount) - owned) >= abs(before - owned):
        Trade.rollback()
        return
    Trade.commit()
    report(
        run,
        f"trade {trade.id} in {trade.pair} said {before:g}, its filled orders say "
        f"{float(trade.amount):g}; it was corrected",
        "WARNING",
        {"pair": trade.pair, "trade": int(trade.id)},
    )
