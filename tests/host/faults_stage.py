"""FreqAI as Freqtrade ships it, and with Freqpilot's seams, side by side in one process."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.freqai.data_drawer import FreqaiDataDrawer
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy

from candle_source import candles
from freqpilot.host.freqai import fixes, identity
from freqpilot.host.freqai.training import files as modelfiles
from freqpilot.host.freqai.training import queue as trainqueue

HORIZON = 12
PLACES = (
    (FreqaiDataDrawer, "save_data"),
    (FreqaiDataDrawer, "load_data"),
    (FreqaiDataDrawer, "update_historic_data"),
    (FreqaiDataDrawer, "purge_old_models"),
    *((FreqaiDataDrawer, name) for name in (*modelfiles.READERS, *modelfiles.WRITERS)),
    (FreqaiDataKitchen, "split_timerange"),
    (FreqaiDataKitchen, "set_paths"),
    (FreqaiDataKitchen, "set_new_model_names"),
    (FreqaiDataKitchen, "set_all_pairs"),
    (IFreqaiModel, "__init__"),
    (IFreqaiModel, "start_live"),
    (IFreqaiModel, "extract_data_and_train_model"),
    (IStrategy, "load_freqAI_model"),
)


def as_shipped(patch: pytest.MonkeyPatch) -> None:
    """Take the seams off FreqAI for one test."""
    for owner, name in PLACES:
        plain = getattr(owner, name)
        while hasattr(plain, "__wrapped__"):
            plain = plain.__wrapped__
        patch.setattr(owner, name, plain)


def with_seams(patch: pytest.MonkeyPatch) -> None:
    """Put the seams on FreqAI for one test."""
    as_shipped(patch)
    for seam in (*fixes.SEAMS, *modelfiles.SEAMS, *identity.SEAMS, *trainqueue.SEAMS):
        seam.check()
        seam.apply()


def frame(seed: int, rows: int, labelled: bool = True) -> pd.DataFrame:
    """Return SYNTHETIC candles with three features, of which one drifts, and the return over the
    horizon as the label."""
    source = candles(seed, rows)
    data = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    out = pd.DataFrame({"date": pd.to_datetime(source.date, utc=True).as_unit("ms"), **data})
    return with_labels(with_features(out)) if labelled else out


def with_features(out: pd.DataFrame) -> pd.DataFrame:
    return out.assign(
        **{
            "%-price": out["close"],
            "%-step": out["close"].pct_change().fillna(0.0),
            "%-span": (out["high"] - out["low"]) / out["close"],
        }
    )


def with_labels(out: pd.DataFrame) -> pd.DataFrame:
    return out.assign(**{"&-ahead": out["close"].shift(-HORIZON) / out["close"] - 1})


class Features(IStrategy):
    """The least strategy that FreqAI takes."""

    timeframe = "1h"
    stoploss = -0.1
    process_only_new_candles = True

    def feature_engineering_expand_all(
        self, dataframe: pd.DataFrame, period: int, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        return dataframe

    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        return dataframe

    def feature_engineering_standard(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        return with_features(dataframe)

    def set_freqai_targets(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        return with_labels(dataframe)

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return dataframe

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return dataframe


def configuration(folder: Path, pairs: tuple[str, ...] = ("BTC/USDT",)) -> dict[str, Any]:
    """Return a config that FreqAI's classes can be made of."""
    file = folder / "config.json"
    file.write_text("{}", encoding="utf-8")
    return {
        "user_data_dir": folder,
        "datadir": folder / "data",
        "config_files": [str(file)],
        "timeframe": "1h",
        "timerange": "20240101-20240111",
        "stake_currency": "USDT",
        "stake_amount": 10,
        "exchange": {"name": "binance", "pair_whitelist": [*pairs]},
        "freqai": {
            "enabled": True,
            "identifier": "mine",
            "train_period_days": 10,
            "backtest_period_days": 5,
            "purge_old_models": 2,
            "activate_tensorboard": False,
            "feature_parameters": {
                "include_timeframes": ["1h"],
                "include_corr_pairlist": [],
                "include_shifted_candles": 0,
                "indicator_periods_candles": [10],
                "shuffle_after_split": False,
                "buffer_train_data_candles": 0,
            },
            "data_split_parameters": {"test_size": 0.2, "shuffle": False},
            "model_training_parameters": {"n_estimators": 20, "verbosity": -1, "n_jobs": 1},
        },
    }


class StubModule(ModuleType):
    """A module in which every name is a class that takes anything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {"__init__": lambda self, *args, **kwargs: None})
        setattr(self, name, made)
        return made


STUBS = (
    *("gymnasium", "gymnasium.utils", "torch", "torch.multiprocessing", "sb3_contrib"),
    *("sb3_contrib.common.maskable.callbacks", "sb3_contrib.common.maskable.utils"),
    *("stable_baselines3.common.callbacks", "stable_baselines3.common.logger"),
    *("stable_baselines3.common.monitor", "stable_baselines3.common.utils"),
    *("stable_baselines3.common.vec_env",),
)
ROOM = "freqtrade.freqai.RL"


def reinforcement() -> Iterator[SimpleNamespace]:
    """Yield Freqtrade's base of RL models, whose libraries are not installed: stand-ins that do
    nothing are in their place while it is looked at."""
    kept = dict(sys.modules)
    callback = "freqtrade.freqai.tensorboard.TensorboardCallback"
    for name in STUBS:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            whole = ".".join(parts[:depth])
            sys.modules[whole] = StubModule(whole)
    sys.modules["torch"].multiprocessing = sys.modules["torch.multiprocessing"]  # type: ignore[attr-defined]
    sys.modules["torch.multiprocessing"].set_sharing_strategy = lambda name: None  # type: ignore[attr-defined]
    sys.modules[callback] = StubModule(callback)
    try:
        yield importlib.import_module(f"{ROOM}.BaseReinforcementLearningModel")  # type: ignore[misc]
    finally:
        sys.modules.clear()
        sys.modules.update(kept)
