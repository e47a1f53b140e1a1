"""FreqAI's live path with its own interface, drawer and kitchen, without a bot or an exchange."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import time_machine
from freqtrade.enums import CandleType, RunMode
from freqtrade.strategy import IStrategy

from candle_source import candles
from freqpilot.host.alerts import events as alerts
from freqpilot.host.boot import start
from freqpilot.host.frames import features
from freqpilot.host.freqai import forecaster as forecasts
from freqpilot.host.freqai.training import service as training
from freqpilot.models.linear import Ridge
from freqpilot.settings import LabelSettings

PAIRS = ("BTC/USDT", "ETH/USDT")
HOUR = 3_600
TRAIN_DAYS = 40
ROWS = 1_300
EMBARK = ROWS - 200
"""Candles that are closed when the bot starts."""


class Door(forecasts.Forecaster):
    """A ridge: nothing cheaper is fitted for real."""

    forecaster: ClassVar[Any] = Ridge()


class Market:
    """What the strategy and the data provider tell FreqAI at the time ``now`` (seconds)."""

    def __init__(self, pairs: tuple[str, ...] = PAIRS) -> None:
        self.frames: dict[str, pd.DataFrame] = {}
        for seed, pair in enumerate(pairs, start=1):
            source = candles(seed, ROWS)
            data = {n: getattr(source, n) for n in ("open", "high", "low", "close", "volume")}
            dates = pd.to_datetime(source.date, utc=True).as_unit("ms")
            self.frames[pair] = pd.DataFrame({"date": dates, **data})
        self.whitelist = list(pairs)
        self.begin = self.frames[pairs[0]]["date"].iloc[0].timestamp()
        self.now = self.begin + EMBARK * HOUR
        self.runmode = RunMode.DRY_RUN
        self._pairs = pairs

    def closed(self, pair: str) -> pd.DataFrame:
        """Return the candles that are closed now."""
        frame = self.frames[pair]
        count = int((self.now - self.begin) // HOUR)
        return frame.iloc[:count].reset_index(drop=True)

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.closed(pair).tail(300).reset_index(drop=True)

    def current_whitelist(self) -> list[str]:
        return list(self.whitelist)

    @property
    def messages(self) -> list[str]:
        """What the person is to hear of."""
        return alerts.BACKLOG.texts()


class Strategy(IStrategy):
    """What Autopilot asks of FreqAI, and nothing else."""

    process_only_new_candles, can_short, timeframe = True, False, "1h"

    minimal_roi: ClassVar[dict[str, float]] = {}
    stoploss = -0.1

    def __init__(self, market: Market, given: dict[str, Any]) -> None:
        super().__init__(given)
        self.dp, self.freqai, self.fault = market, None, None

    def populate_indicators(self, dataframe: Any, metadata: Any) -> Any:
        return dataframe

    def feature_engineering_expand_all(self, dataframe: Any, period: int, **_: Any) -> Any:
        return dataframe

    def feature_engineering_expand_basic(self, dataframe: Any, **_: Any) -> Any:
        ratio = dataframe["close"].pct_change()
        for span in (1, 5, 20):
            dataframe[f"%-return-{span}"] = ratio.rolling(span).mean() * 100
        return dataframe

    def feature_engineering_standard(self, dataframe: Any, **_: Any) -> Any:
        if self.fault:
            raise self.fault
        return dataframe

    def set_freqai_targets(self, dataframe: Any, **_: Any) -> Any:
        return features.add_labels(dataframe, LabelSettings())


def config(folder: Path, **own: Any) -> dict[str, Any]:
    """Return a dry run's; ``own`` is ``freqpilot.models.training``."""
    return {
        "freqai": {
            "enabled": True,
            "identifier": "one",
            "purge_old_models": 2,
            "train_period_days": TRAIN_DAYS,
            "backtest_period_days": 7,
            "live_retrain_hours": 24,
            "expiration_hours": 96,
            "activate_tensorboard": False,
            "feature_parameters": {
                "include_timeframes": ["1h"],
                "include_corr_pairlist": [],
                "include_shifted_candles": 0,
                "buffer_train_data_candles": 0,
                "shuffle_after_split": False,
                "reverse_train_test_order": False,
                "weight_factor": 0,
                "indicator_periods_candles": [14],
                "label_period_candles": 12,
            },
            "data_split_parameters": {"test_size": 0.2},
        },
        "freqaimodel": "Door",
        "runmode": RunMode.DRY_RUN,
        "user_data_dir": folder,
        "datadir": folder,
        "timeframe": "1h",
        "startup_candle_count": 20,
        "candle_type_def": CandleType.SPOT,
        "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)},
        "stake_currency": "USDT",
        "freqpilot": {"models": {"training": own}},
    }


class Bot:
    """One start of the bot: ``candle`` is one turn of its loop, ``turn`` one of the service."""

    def __init__(self, folder: Path, market: Market, kind: type[Any] = Door, **own: Any) -> None:
        start.activate()
        self.market, given = market, config(folder, **own)
        self.strategy = Strategy(market, given)
        with self.time():
            self.model = kind(given)
            self.strategy.freqai = self.model
            self.model.dd.historic_data = {
                pair: {"1h": market.closed(pair)} for pair in market.frames
            }
            # In its thread the service would take turns by itself.
            self.model.scanning, self.model.live = True, True
            self.service = training.Service(self.model)
            setattr(self.model, training.SERVICE, self.service)

    def time(self) -> Any:
        """Return a context in which it is the market's time."""
        return time_machine.travel(datetime.fromtimestamp(self.market.now, UTC), tick=False)

    def candle(self, pair: str = PAIRS[0], hours: float = 1) -> pd.Series:
        """Let time pass, and return the last row that the strategy gets."""
        self.market.now += hours * HOUR
        with self.time():
            frame = self.market.closed(pair).tail(300).reset_index(drop=True)
            found = self.model.start(frame, {"pair": pair}, self.strategy)
        return found.iloc[-1]

    def turn(self) -> str | None:
        """Let the service take one turn."""
        with self.time():
            return self.service.turn(self.strategy)

    def pending(self) -> tuple[str, ...]:
        """Return what the service still has to do at this time."""
        with self.time():
            return self.service.pending(self.strategy)

    @property
    def entry(self) -> SimpleNamespace:
        """What the drawer says of the first pair."""
        return SimpleNamespace(**self.model.dd.pair_dict[PAIRS[0]])


def forecast(row: pd.Series) -> np.ndarray[Any, Any]:
    """Return what a decision takes of a row."""
    return row[["up", "down", "forecast_mean"]].to_numpy(dtype=np.float64)


def home(folder: Path) -> Path:
    """Return where FreqAI keeps the models of the strategy and the model of these tests."""
    (found,) = (folder / "models" / "one").glob("by-*")
    return found
