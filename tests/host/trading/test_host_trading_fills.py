"""A backtest's fills are told without a copy of the trade only to those who leave it as it is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from freqtrade.strategy import IStrategy
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from freqpilot.host.trading.fills import _make, reads_only

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


class Trade:
    pair = "BTC/USDT"
    copies = 0

    def __deepcopy__(self, _: Any) -> "Trade":
        Trade.copies += 1
        return Trade()


class Asking(IStrategy):
    told: tuple[Any, ...] = ()
    stops = 0

    def __init__(self) -> None:
        """Nothing of Freqtrade's is needed."""

    def populate_indicators(self, dataframe: Any, metadata: Any) -> Any:
        return dataframe

    def order_filled(self, **call: Any) -> None:
        self.told = (*self.told, call)


class Reading(Asking):
    @reads_only
    def order_filled(self, **call: Any) -> None:
        self.told = (*self.told, call)


class Failing(Asking):
    @reads_only
    def order_filled(self, **call: Any) -> None:
        raise ValueError("broken")


class Override(Reading):
    def order_filled(self, **call: Any) -> None:
        self.told = (*self.told, call)


class Backtest:
    """Freqtrade's steps of a fill."""

    def __init__(self, strategy: IStrategy) -> None:
        self.strategy = strategy

    def _try_close_open_order(self, order: str, trade: Trade, current_date: Any, row: Any) -> bool:
        if row == "error":
            raise RuntimeError("no row")
        if row == "missed":
            return False
        call = {"pair": trade.pair, "trade": trade, "order": order, "current_time": current_date}
        strategy_safe_wrapper(self.strategy.order_filled, supress_error=True)(**call)
        return True


def fill(strategy: IStrategy, row: str = "hit") -> tuple[Any, int, Trade]:
    trade, before = Trade(), Trade.copies
    found = _make(Backtest._try_close_open_order)(Backtest(strategy), "order", trade, NOON, row)
    assert "order_filled" not in vars(strategy), "it is the strategy's own again"
    return found, Trade.copies - before, trade


@pytest.mark.parametrize(("kind", "copies"), [(Asking, 1), (Override, 1), (Reading, 0)])
def test_a_fill_is_told_once(kind: type[Asking], copies: int) -> None:
    strategy = kind()
    found, made, trade = fill(strategy)
    assert (found, made, len(strategy.told)) == (True, copies, 1)
    call = dict(strategy.told[0])
    assert (call.pop("trade") is trade) == (copies == 0)
    assert call == {"pair": "BTC/USDT", "order": "order", "current_time": NOON}


def test_what_was_not_filled_is_not_told() -> None:
    strategy = Reading()
    assert fill(strategy, "missed")[:2] == (False, 0)
    assert strategy.told == ()


def test_faults_stay_where_they_are(caplog: pytest.LogCaptureFixture) -> None:
    assert fill(Failing())[0] is True, "the fill stands, as with Freqtrade's wrapper"
    assert "broken" in caplog.text
    strategy = Reading()
    with pytest.raises(RuntimeError, match="no row"):
        fill(strategy, "error")
    assert "order_filled" not in vars(strategy)
