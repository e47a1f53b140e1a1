"""The gate inside Freqtrade's backtester: the same question as live, by limits and book alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from freqpilot.host.account.positions import position_of
from freqpilot.host.account.verdict import count_gate_error
from freqpilot.host.gate.judge import judge
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Backtester, Trade
from freqpilot.host.seams.seam import Place, Seam, uses
from freqpilot.shapes import OrderPurpose, OrderRequest

BACKTESTING = "freqtrade.optimize.backtesting:Backtesting"
ENTER_PARAMETERS = ["pair", "row", "direction", "trade", "requested_rate", "requested_stake"]
STAKE_PARAMETERS = ["pair", "row", "propose_rate", "direction", "current_time", "trade"]


def allowed(
    pair: str, time: datetime, direction: str, purpose: OrderPurpose, order: dict[str, float]
) -> bool:
    """Ask the supervisor about an order of the backtester; False also when asking failed."""
    from freqtrade.persistence import LocalTrade

    try:
        request = OrderRequest(
            time=time,
            pair=pair,
            side="short" if direction == "short" else "long",
            purpose=purpose,
            stake=float(order["stake"]),
            rate=float(order["rate"]),
            leverage=float(order["leverage"]),
        )
        run = current()
        positions = [position_of(trade, run.rates) for trade in LocalTrade.bt_trades_open]
        return judge(run, request, positions).allowed
    except Exception as error:  # whatever went wrong, an unjudged order is not placed
        count_gate_error(error)
        return False


def _make_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    def _enter_trade(
        self: Backtester,
        pair: str,
        row: tuple[Any, ...],
        direction: str,
        stake_amount: float | None = None,
        trade: Trade | None = None,
        requested_rate: float | None = None,
        requested_stake: float | None = None,
        entry_tag1: str | None = None,
    ) -> Any:
        """A replacement brings its own rate and stake, so it is judged here."""
        if requested_rate and trade is not None:
            order = {
                "stake": requested_stake or trade.stake_amount,
                "rate": requested_rate,
                "leverage": trade.leverage or 1.0,
            }
            if not allowed(pair, row[0].to_pydatetime(), direction, "replace", order):
                return trade
        return original(
            self,
            pair,
            row,
            direction,
            stake_amount,
            trade,
            requested_rate,
            requested_stake,
            entry_tag1,
        )

    return _enter_trade


def _make_stake(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_valid_entry_price_and_stake(self: Backtester, *args: Any, **kwargs: object) -> Any:
        """Entries and position adjustments get their final stake here; refused is stake 0."""
        rate, stake, leverage, min_stake = original(self, *args, **kwargs)
        if not stake:
            return rate, stake, leverage, min_stake
        # Positions as in Backtesting.get_valid_entry_price_and_stake, which the seam checks.
        pair, _, _, _, direction, time, _, trade = args[:8]
        purpose: OrderPurpose = "entry" if trade is None else "add"
        order = {"stake": stake, "rate": rate, "leverage": leverage}
        if not allowed(pair, time, direction, purpose, order):
            stake = 0.0
        return rate, stake, leverage, min_stake

    return get_valid_entry_price_and_stake


SEAMS = (
    Seam(
        "gate.backtest",
        "ask the supervisor before every order of a backtest that raises risk",
        until="the backtester asks a plug-in before it makes an order",
        places=(
            Place(f"{BACKTESTING}._enter_trade", ENTER_PARAMETERS, _make_enter),
            Place(f"{BACKTESTING}.get_valid_entry_price_and_stake", STAKE_PARAMETERS, _make_stake),
            *uses("freqtrade.persistence:LocalTrade", "bt_trades_open"),
        ),
    ),
)
