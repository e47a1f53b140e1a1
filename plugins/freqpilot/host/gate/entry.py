"""The step in which the bot settles an entry's price and stake: each first entry, position
adjustment and replacement takes it before its order.

While only exits are allowed it ends here. A stake above the limits is cut to them, so that the
strategy is asked about the order that will be sent.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from inspect import unwrap
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account.positions import first_stop
from freqpilot.host.gate import oversize
from freqpilot.host.gate.live import open_positions
from freqpilot.host.orders import sending
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run import exitsonly
from freqpilot.host.run.current import current
from freqpilot.host.run.refused import order_refused
from freqpilot.host.seams.freqtrade import Bot, Trade
from freqpilot.host.seams.seam import Place, Seam, SeamError, expect, uses
from freqpilot.shapes import OrderPurpose, OrderRequest

logger = logging.getLogger(__name__)

STEP = "get_valid_enter_price_and_stake"
PARAMETERS = [
    *("pair", "price", "stake_amount", "trade_side"),
    *("entry_tag", "trade", "mode", "leverage_"),
]
MODES: dict[str, OrderPurpose] = {"initial": "entry", "pos_adjust": "add", "replace": "replace"}
"""Freqtrade's words for what an entry is for."""


def _make_step(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_valid_enter_price_and_stake(
        self: Bot,
        pair: str,
        price: float | None,
        stake_amount: float,
        trade_side: str,
        entry_tag: str | None,
        trade: Trade | None,
        mode: str,
        leverage_: float | None,
    ) -> Any:
        try:
            exitsonly.require()
        except NoEntry as waiting:
            raise order_refused()(f"Freqpilot refused the entry: {waiting}.") from None
        rate, stake, leverage = original(
            self, pair, price, stake_amount, trade_side, entry_tag, trade, mode, leverage_
        )
        if stake:
            figures = float(stake), float(rate), float(leverage)
            fitted = cut(self, pair, trade_side, mode, entry_tag, *figures, trade)
            if fitted.refusal:
                raise order_refused()(
                    f"Freqpilot refused the entry in {pair}: {fitted.refusal}. Open trades are "
                    "not affected."
                )
            if fitted.note:
                sending.note(fitted.note)
            stake = fitted.stake
        return rate, stake, leverage

    return get_valid_enter_price_and_stake


def cut(
    bot: Bot,
    pair: str,
    side: str,
    mode: str,
    tag: str | None,
    stake: float,
    rate: float,
    leverage: float,
    trade: Trade | None = None,
) -> oversize.Fitted:
    """Return the stake that an entry may have; as it is where that cannot be told, as the gate
    judges it next."""

    def share() -> float:
        if mode != "initial":
            return 1.0
        return oversize.ladder_share(bot.strategy, run.settings.risk)

    def least() -> float | None:
        stoploss = 0.0 if mode == "pos_adjust" else bot.strategy.stoploss
        return bot.exchange.get_min_pair_stake_amount(pair, rate, stoploss, leverage)

    try:
        run, now = current(), datetime.now(UTC)
        order = OrderRequest(
            time=now,
            pair=pair,
            side="short" if side == "short" else "long",
            purpose=MODES[mode],
            stake=stake,
            rate=rate,
            leverage=leverage,
            tag=tag,
            stop=first_stop(side, rate, float(bot.strategy.stoploss or 0.0), leverage),
            stop_distance=run.part(WaysOut).order_distance(pair, now, leverage, trade),
        )
        sending.note_stop(order.stop)
        return oversize.fitted(run, order, open_positions(run), share=share, least=least)
    except NoEntry:
        return oversize.Fitted(stake)
    except Exception as error:
        logger.error("A stake of %s could not be cut: %s", pair, error, exc_info=error)
        return oversize.Fitted(stake)


def _check_step() -> None:
    from freqtrade.freqtradebot import FreqtradeBot

    entry = unwrap(expect(FreqtradeBot, "execute_entry"))
    if STEP not in entry.__code__.co_names:
        raise SeamError(f"FreqtradeBot.execute_entry does not call {STEP} any more")


SEAMS = (
    Seam(
        "gate.entry",
        "open nothing while only exits are allowed, and cut a stake to the limits",
        until="Freqtrade has a state in which it opens no trade, and asks a plug-in for the stake",
        places=(
            Place(f"freqtrade.freqtradebot:FreqtradeBot.{STEP}", PARAMETERS, _make_step),
            *uses("freqtrade.exchange.exchange:Exchange", "get_min_pair_stake_amount"),
            *uses("freqtrade.exchange.exchange:Exchange", "get_maintenance_ratio_and_amt"),
        ),
        also=_check_step,
    ),
)
