"""Open trades, live or of the backtest."""

from typing import Any


def open_trades() -> list[Any]:
    """Return all open trades, live or of the backtest."""
    from freqtrade.persistence import Trade

    return list(Trade.get_trades_proxy(is_open=True))
