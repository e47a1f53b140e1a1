"""A backtest export in Freqtrade's exact format, small enough to check by hand.

The members are those that ``store_backtest_results`` of Freqtrade 2026.9 writes:
``NAME.json`` (``strategy`` → name → statistics with ``trades``), ``NAME_config.json``,
``NAME_<strategy>_wallet.feather`` (index, date, currency, rate, balance; captured at each candle's
opening before its orders; stake currency first) and ``NAME_signals.pkl`` (joblib: strategy → pair
→ the last candle before each entry).
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from candle_files import write_candles

START = datetime(2026, 1, 30, tzinfo=UTC)
HOURS = 72
FEE = 0.001
#        pair        fills: (hour, amount, price, entry)
TRADES = (
    ("A/USDT", ((5, 10.0, 10.0, True), (20, 10.0, 11.0, False))),  # +10 − .210
    ("B/USDT", ((30, 4.0, 50.0, True), (50, 4.0, 46.0, False))),  # −16 − .384
    ("A/USDT", ((55, 5.0, 12.0, True), (57, 5.0, 10.0, True), (60, 10.0, 12.0, False))),  # +10 −.23
)
PROFITS = (9.79, -16.384, 9.77)
CONTRIBUTIONS = {
    "contrib_technical_trend": (0.20, 0.30, -0.05),
    "contrib_technical_momentum": (0.10, 0.10, 0.30),
    "contrib_model_forecast": (0.25, 0.15, 0.30),
}


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def price(pair: str, hour: int) -> float:
    """Return the price at the opening of the candle of ``hour``."""
    if pair == "B/USDT":
        return 50.0 if hour <= 40 else 47.0
    steps = ((20, 10.0), (55, 11.0), (56, 12.0), (58, 10.0), (10**9, 12.0))
    return next(value for until, value in steps if hour < until)


def trade_row(pair: str, fills: tuple[tuple[int, float, float, bool], ...]) -> dict[str, Any]:
    bought = sum(amount * rate for _, amount, rate, entry in fills if entry)
    sold = sum(amount * rate for _, amount, rate, entry in fills if not entry)
    amount = sum(amount for _, amount, _, entry in fills if entry)
    profit = sold - bought - FEE * (sold + bought)
    orders = [
        {
            "amount": amount,
            "safe_price": rate,
            "ft_order_side": "buy" if entry else "sell",
            "order_filled_timestamp": int(at(hour).timestamp() * 1000),
            "ft_is_entry": entry,
            "ft_order_tag": "trend+model",
            "cost": amount * rate * (1 + FEE),
        }
        for hour, amount, rate, entry in fills
    ]
    return {
        "pair": pair,
        "stake_amount": bought,
        "max_stake_amount": bought,
        "amount": amount,
        "open_date": str(at(fills[0][0])),
        "close_date": str(at(fills[-1][0])),
        "open_rate": bought / amount,
        "close_rate": fills[-1][2],
        "fee_open": FEE,
        "fee_close": FEE,
        "trade_duration": (fills[-1][0] - fills[0][0]) * 60,
        "profit_ratio": profit / bought,
        "profit_abs": round(profit, 8),
        "exit_reason": "exit_signal" if profit > 0 else "stop_loss",
        "enter_tag": "trend+model",
        "leverage": 1.0,
        "is_short": False,
        "is_open": False,
        "orders": orders,
        "funding_fees": 0.0,
    }


def wallet(trades: tuple[Any, ...]) -> pd.DataFrame:
    """Return the wallet as Freqtrade captures it, before the orders of each candle."""
    rows = []
    for hour in range(1, HOURS + 1):
        coins: dict[str, float] = {}
        cash = 1000.0
        for pair, fills in trades:
            done = [fill for fill in fills if fill[0] < hour]
            closed = any(not entry for _, _, _, entry in done)
            if closed:
                cash += trade_row(pair, fills)["profit_abs"]
            for _, amount, rate, entry in done:
                if entry and not closed:
                    cash -= amount * rate
                    coins[pair] = coins.get(pair, 0.0) + amount
        rows.append((at(hour), "USDT", 1.0, cash))
        rows += [(at(hour), p.split("/")[0], price(p, hour), a) for p, a in coins.items()]
    return pd.DataFrame(rows, columns=["date", "currency", "rate", "balance"])


def signal_frames(trades: tuple[Any, ...]) -> dict[str, pd.DataFrame]:
    """Return each trade's signal candle, which opened one hour before the entry, and a decoy."""
    frames: dict[str, pd.DataFrame] = {"A/USDT": pd.DataFrame(), "B/USDT": pd.DataFrame()}
    for pair in {pair for pair, _ in trades}:
        places = [i for i, (name, _) in enumerate(trades) if name == pair]
        dates = [at(trades[i][1][0][0] - 1) for i in places]
        columns = {name: [values[i] for i in places] for name, values in CONTRIBUTIONS.items()}
        frame = pd.DataFrame({"date": pd.DatetimeIndex(dates).as_unit("ms"), **columns})
        frame["composite"] = frame[list(CONTRIBUTIONS)].sum(axis=1)
        frame["confidence"], frame["coverage"], frame["close"] = 0.7, 1.0, 10.0
        decoy = frame.iloc[[0]].assign(date=frame["date"].iloc[0] + pd.Timedelta(hours=1))
        frames[pair] = pd.concat([frame, decoy])
    return frames


@dataclass
class Export:
    """What goes into a result file; a test changes a part and calls :meth:`write`."""

    folder: Path
    trades: tuple[Any, ...] = TRADES
    strategy: str = "Autopilot"
    synthetic: bool = True
    with_wallet: bool = True
    signals: bytes | None = b"honest"
    extra: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    noted: dict[str, Any] = field(default_factory=dict)
    market: tuple[float, ...] = ()
    day: int = 3

    def stats(self) -> dict[str, Any]:
        rows = [trade_row(pair, fills) for pair, fills in self.trades]
        profit = sum(row["profit_abs"] for row in rows)
        return {
            "trades": rows,
            "backtest_start_ts": int(START.timestamp() * 1000),
            "backtest_end_ts": int(at(HOURS).timestamp() * 1000),
            "starting_balance": 1000,
            "final_balance": 1000 + profit,
            "profit_total_abs": profit,
            "pairlist": ["A/USDT", "B/USDT"],
            "stake_currency": "USDT",
            "timeframe": "1h",
            "trading_mode": "spot",
            "market_change": -0.03,
            "freqaimodel": None,
            **self.extra,
        }

    def write(self) -> Path:
        name = f"backtest-result-2026-02-{self.day:02}_00-00-00"
        file = self.folder / f"{name}.zip"
        config = {
            "freqpilot": {"synthetic": self.synthetic, "seed": 11, "run": self.noted},
            "config_files": [str(self.folder)],
        }
        document = {"strategy": {self.strategy: self.stats(), **self.others}}
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(f"{name}.json", json.dumps(document))
            archive.writestr(f"{name}_config.json", json.dumps(config))
            if self.with_wallet:
                buffer = io.BytesIO()
                wallet(self.trades).reset_index().to_feather(buffer)
                archive.writestr(f"{name}_{self.strategy}_wallet.feather", buffer.getvalue())
            if self.market:
                buffer = io.BytesIO()
                dates = pd.DatetimeIndex([at(hour) for hour in range(len(self.market))])
                frame = pd.DataFrame({"date": dates, "mean": self.market, "count": 2})
                frame.to_feather(buffer)
                archive.writestr(f"{name}_market_change.feather", buffer.getvalue())
            if self.signals == b"honest":
                buffer = io.BytesIO()
                joblib.dump({self.strategy: signal_frames(self.trades)}, buffer)
                archive.writestr(f"{name}_signals.pkl", buffer.getvalue())
            elif self.signals is not None:
                archive.writestr(f"{name}_signals.pkl", self.signals)
        return file


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


@pytest.fixture
def datadir(tmp_path: Path) -> Path:
    """Return a folder with the candles of both pairs, a day longer than the backtest."""
    folder = tmp_path / "candles"
    folder.mkdir()
    for pair in ("A/USDT", "B/USDT"):
        hours = range(-12, HOURS + 12)
        opens = np.array([price(pair, hour) for hour in hours])
        closes = np.array([price(pair, hour + 1) for hour in hours])
        frame = pd.DataFrame(
            {
                "date": pd.DatetimeIndex([at(hour) for hour in hours]).as_unit("ms"),
                "open": opens,
                "high": np.maximum(opens, closes),
                "low": np.minimum(opens, closes),
                "close": closes,
                "volume": 1.0,
            }
        )
        write_candles(folder, pair, frame)
    return folder


@pytest.fixture
def profits() -> tuple[float, ...]:
    return PROFITS


@pytest.fixture
def moment() -> Callable[[int], datetime]:
    return at
