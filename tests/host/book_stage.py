"""Pairs that move together, as files and as a source that remembers who asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.enums import CandleType

from freqpilot.host.account import begin as begin_module
from freqpilot.host.account.observed import observe
from freqpilot.host.candles.stored import stored_candles
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run import run as run_module
from freqpilot.host.run.current import current
from freqpilot.risk.book.comovement import View
from freqpilot.risk.book.covariance import Closes
from freqpilot.shapes import OrderRequest, Position

HOUR, DAY = 3_600, 86_400
START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 2, 20, 10, 30, tzinfo=UTC)
PAIRS = ("ADA/USDT", "DOT/USDT", "SOL/USDT", "XRP/USDT")
CONFIG: dict[str, Any] = {"freqpilot": {}, "stake_currency": "USDT"}


def candles(
    days: int = 60, step: int = HOUR, seed: int = 1, wild: float = 1.0
) -> dict[str, Closes]:
    """Return pairs that move together."""
    random = np.random.default_rng(seed)
    rows = days * DAY // step
    dates = int(START.timestamp()) + np.arange(rows) * step
    scale = 0.008 * wild * np.sqrt(step / HOUR)
    common = random.standard_normal(rows)
    return {
        pair: Closes(
            dates, np.exp(np.cumsum(scale * (common + 0.2 * random.standard_normal(rows))))
        )
        for pair in PAIRS
    }


class Source:
    """Gives candles and remembers who asked."""

    def __init__(self, known: dict[str, Closes]) -> None:
        self.known = known
        self.asked: list[tuple[str, ...]] = []
        self.fault: Exception | None = None

    def __call__(self, pairs: Sequence[str], timeframe: str, begin: int) -> Mapping[str, Closes]:
        self.asked.append(tuple(pairs))
        if self.fault:
            raise self.fault
        return {pair: self.known[pair] for pair in pairs if pair in self.known}


def begin(source: Any, timeframe: str = "1h", **book: Any) -> run_module.Run:
    section = {"risk": {"book": book}}
    run = begin_module.begin({**CONFIG, "freqpilot": section}, live=False)
    current().part(BookRisk).begin(source, timeframe)
    observe(run, NOW, 1_000.0)
    return run


def order(pair: str = "SOL/USDT", stake: float = 100.0, time: datetime = NOW) -> OrderRequest:
    return OrderRequest(time=time, pair=pair, side="long", purpose="entry", stake=stake, rate=1.0)


def held(*coins: str, stake: float = 100.0) -> list[Position]:
    return [Position(f"{coin}/USDT", "long", stake, stake) for coin in coins]


def same(first: View, second: View) -> bool:
    return first.known == second.known and all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("volatility", "correlation", "history", "drawn")
    )


def write(folder: Path, known: Mapping[str, Closes], timeframe: str = "1h") -> None:
    for pair, (date, close) in known.items():
        prices = dict.fromkeys(("open", "high", "low", "close"), close)
        frame = pd.DataFrame({"date": pd.to_datetime(date, unit="s", utc=True), **prices})
        file = folder / f"{pair.replace('/', '_')}-{timeframe}.feather"
        frame.assign(volume=1.0).reset_index(drop=True).to_feather(file)


def stored(folder: Path, own: str = "1h") -> Any:
    config = {"datadir": folder, "dataformat_ohlcv": "feather", "candle_type_def": CandleType.SPOT}
    return stored_candles(config, own)


def changed(known: Mapping[str, Closes], since: datetime, factor: float) -> dict[str, Closes]:
    """Return the candles with other closes from the first on that is not closed at ``since``."""
    cut = since.timestamp() - HOUR
    return {
        pair: Closes(date, np.where(date > cut, close * factor, close))
        for pair, (date, close) in known.items()
    }
