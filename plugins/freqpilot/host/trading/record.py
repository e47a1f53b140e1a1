"""What is kept beside a trade: the decision that opened it.

It goes into Freqtrade's custom data (so it lives and dies with the trade, in backtests too) and,
live, into the store. Both writes are idempotent: ``order_filled`` may come many times.
"""

import json
import logging
from dataclasses import asdict
from typing import Any

from freqpilot.host.run.current import current
from freqpilot.host.run.decisionlog import DECISIONS
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.shapes import Decision

KEY = "freqpilot"
"""Custom-data key. Freqtrade matches keys by ILIKE, so it holds neither ``_`` nor ``%``."""


def record_decision(trade: Trade, decision: Decision) -> None:
    """Keep ``decision`` with ``trade``; does nothing when it is already there."""
    run = current()
    # A backtest reports each fill once; Freqtrade would look through the data of all its trades.
    if run.live:
        known = trade.get_custom_data(KEY) is not None
    else:
        known = trade.nr_of_successful_entries > 1
    if known:
        return
    fields = asdict(decision)
    fields["time"] = decision.time.isoformat()
    text = json.dumps(fields, sort_keys=True)
    if run.live:
        trade.set_custom_data(KEY, text)
        run.store.add_decision(int(trade.id), decision)
        logging.getLogger(DECISIONS).info(
            "entry", extra={"decision": {"trade": int(trade.id), **fields}}
        )
    else:
        _add(trade, text)


def _add(trade: Trade, text: str) -> None:
    """Keep the first decision of a backtest's trade, without a look through those of all others."""
    from freqtrade.persistence import CustomDataWrapper

    others, CustomDataWrapper.custom_data = CustomDataWrapper.custom_data, []
    try:
        trade.set_custom_data(KEY, text)
    finally:
        others += CustomDataWrapper.custom_data
        CustomDataWrapper.custom_data = others


def recorded(url: str, trade_id: int) -> Decision | None:
    """Return the decision that the store at ``url`` holds of a trade, the last one where ids began
    anew with another trades database; None without one."""
    from freqpilot.store import open_store

    store = open_store(url)
    try:
        return store.decision(trade_id)
    finally:
        store.close()


def decision_fields(trade: Trade) -> dict[str, Any] | None:
    """Return the decision kept with ``trade`` as a dict, or None."""
    text = trade.get_custom_data(KEY)
    if text is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    return fields
