"""FreqAI's own backtest of several pairs in this process, with a pooled model."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy import IStrategy

from freqpilot.host.frames import features
from freqpilot.host.freqai.pooled.forecaster import PooledForecaster
from freqpilot.models.trees.boosting import TreesRegressor
from freqpilot.settings import LabelSettings

START = pd.Timestamp("2024-01-01", tz="UTC")
TRAIN, STEP, WINDOWS = 20, 4, 2
"""Days to train on, days of a window, windows."""
HOURS = 24 * (TRAIN + STEP * WINDOWS)
PAIRS = ("ADA/USDT", "BTC/USDT", "ETH/USDT")
OWN = "&-ahead"
AHEAD = 6


def candles_of(seed: int, hours: int = HOURS) -> pd.DataFrame:
    """Return candles whose volume tells a part of the next hours."""
    rng = np.random.default_rng(seed)
    state = pd.Series(rng.standard_normal(hours)).ewm(span=8).mean().to_numpy() * 2
    step = 0.01 * rng.standard_normal(hours)
    step[1:] += 0.01 * state[:-1]
    close = 100 * np.exp(np.cumsum(step))
    wick = 0.002 * close
    return pd.DataFrame(
        {
            "date": pd.date_range(START, periods=hours, freq="h"),
            "open": np.concatenate([[100.0], close[:-1]]),
            "high": close + wick,
            "low": close - wick,
            "close": close,
            "volume": np.exp(5 + state + 0.1 * rng.standard_normal(hours)),
        }
    )


class PoolStrategy(IStrategy):
    """Three features of candles and the hour; the pack's label, or a target of its own."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    stoploss = -0.1
    process_only_new_candles = True
    own = True

    def feature_engineering_expand_all(
        self, dataframe: pd.DataFrame, period: int, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        dataframe["%-return"] = dataframe["close"].pct_change(period)
        dataframe["%-volume"] = np.log(dataframe["volume"])
        return dataframe

    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        dataframe["%-range"] = dataframe["high"] / dataframe["low"] - 1
        return dataframe

    def feature_engineering_standard(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        dataframe["%-hour"] = dataframe["date"].dt.hour
        return dataframe

    def set_freqai_targets(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        if not self.own:
            self.freqai.class_names = ["down", "flat", "up"]
            return features.add_labels(dataframe, LabelSettings())
        dataframe[OWN] = dataframe["close"].shift(-AHEAD) / dataframe["close"] - 1
        return dataframe

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> Any:
        return self.freqai.start(dataframe, metadata, self)


class Door(PooledForecaster):
    """The regressor with few trees."""

    forecaster = TreesRegressor(params=(("n_estimators", 20),), selected=False)


class PoolStage:
    """FreqAI's steps over ``candles`` by pair, in ``folder``."""

    def __init__(
        self,
        folder: Path,
        candles: Mapping[str, pd.DataFrame],
        *,
        own: bool = True,
        live: bool = False,
        **freqai: Any,
    ) -> None:
        self.candles, self.live = dict(candles), live
        mode = RunMode.DRY_RUN if live else RunMode.BACKTEST
        begin = START + pd.Timedelta(days=TRAIN)
        end = begin + pd.Timedelta(days=STEP * WINDOWS)
        parameters = {
            "include_timeframes": ["1h"],
            "include_corr_pairlist": [],
            "include_shifted_candles": 1,
            "indicator_periods_candles": [3],
            "label_period_candles": AHEAD,
            "buffer_train_data_candles": 0,
            "shuffle_after_split": False,
            **freqai.pop("parameters", {}),
        }
        config_file = folder / "config.json"
        config_file.write_text("{}")
        self.config: dict[str, Any] = {
            "timeframe": "1h",
            "runmode": mode,
            "timerange": f"{int(begin.timestamp())}-{int(end.timestamp())}",
            "user_data_dir": folder,
            "config_files": [str(config_file)],
            "exchange": {"name": "binance", "pair_whitelist": list(candles)},
            "stake_currency": "USDT",
            "freqaimodel": "FreqpilotPooled",
            "freqpilot": {},
            "freqai": {
                "enabled": True,
                "identifier": "pool",
                "train_period_days": TRAIN,
                "backtest_period_days": STEP,
                "live_retrain_hours": 24,
                "purge_old_models": 2,
                "save_backtest_models": False,
                "activate_tensorboard": False,
                "feature_parameters": parameters,
                "data_split_parameters": {"test_size": 0.2, "shuffle": False},
                **freqai,
            },
        }
        self.config["pairlists"] = [{"method": "StaticPairList"}]
        self.strategy = PoolStrategy(self.config)
        self.strategy.own = own
        self.strategy.dp = SimpleNamespace(
            runmode=mode,
            get_pair_dataframe=lambda pair, timeframe: self.candles.get(
                pair, pd.DataFrame()
            ).copy(),
            current_whitelist=lambda: list(self.config["exchange"]["pair_whitelist"]),
        )
        self.model = self.fresh()

    def fresh(self) -> Any:
        """Return a new model, as after a restart."""
        self.model = Door(self.config)
        self.strategy.freqai = self.model
        if self.live:
            self.model.live, self.model.scanning = True, True  # no thread
            self.hold()
        return self.model

    def hold(self) -> None:
        """Let FreqAI hold the candles as those that live models are trained on."""
        held = {pair: {"1h": frame.copy()} for pair, frame in self.candles.items()}
        self.model.dd.historic_data = held

    def train(self, pair: str, at: pd.Timestamp) -> FreqaiDataKitchen:
        """Train a live pair by FreqAI's steps, as if ``at`` were now."""
        stop = int(at.timestamp())
        window = TimeRange("date", "date", stop - TRAIN * 86_400, stop)
        loaded = TimeRange("date", "date", stop - (TRAIN + 3) * 86_400, stop)
        kitchen = FreqaiDataKitchen(self.config, True, pair)
        kitchen.set_paths(pair, stop)
        self.model.dd.set_pair_dict_info({"pair": pair})
        self.model.extract_data_and_train_model(window, pair, self.strategy, kitchen, loaded)
        return kitchen

    def ask(self, pair: str, rows: int = 0) -> pd.Series:
        """Return the newest row that a live strategy gets, of the last ``rows`` candles."""
        frame = self.candles[pair].tail(rows).reset_index(drop=True)
        return self.model.start(frame, {"pair": pair}, self.strategy).iloc[-1]

    def run(self, pair: str, given: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return what FreqAI gives back to the strategy for the days that are backtested."""
        frame = self.candles[pair].copy() if given is None else given
        found = self.model.start(frame, {"pair": pair}, self.strategy)
        begin = START + pd.Timedelta(days=TRAIN)
        return found.loc[found["date"] >= begin].reset_index(drop=True)
