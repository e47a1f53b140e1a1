"""What the price did after shadow orders, from Freqtrade's candle files. Nothing is downloaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freqpilot.control.shadows import Outcome, outcome
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.candles.files import read_candles
from freqpilot.shapes import Candles
from freqpilot.store import ShadowOrder

TIMEFRAME = "1h"
"""Where neither the command nor the config names one."""


def folder_of(config: Mapping[str, Any], datadir: Path | None) -> Path:
    """Return where Freqtrade keeps the candles of a bot."""
    if datadir is not None:
        return datadir
    if config.get("datadir"):
        return Path(config["datadir"])
    return Path(config["user_data_dir"]) / "data" / str(config.get("exchange", {}).get("name", ""))


def outcomes(
    orders: Sequence[ShadowOrder],
    folder: Path,
    timeframe: str,
    hours: float,
    form: str = "feather",
) -> list[tuple[ShadowOrder, Outcome | None]]:
    """Return each order with what the price did in the ``hours`` since, None where the files do not
    tell.

    :param form: Freqtrade's data format.
    """
    known: dict[str, Candles | None] = {}
    for pair in {order.pair for order in orders}:
        known[pair] = _candles(folder, pair, timeframe, form)
    return [
        (order, None if candles is None else outcome(order, candles, hours))
        for order in orders
        for candles in [known[order.pair]]
    ]


def _candles(folder: Path, pair: str, timeframe: str, form: str) -> Candles | None:
    if not folder.is_dir():
        return None
    kind = "futures" if ":" in pair else "spot"
    frame = read_candles(folder, pair, timeframe, kind, form=form)
    return candles_from_frame(frame) if len(frame) else None
