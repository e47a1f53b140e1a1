"""Mends FreqAI around the models: a backtest's last candle gets its prediction, and torch is not
imported for nothing."""

from collections.abc import Callable
from typing import Any

from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.seams.seam import Seam, expect, wrap


class Silent:
    """FreqAI's logger of training steps where nobody asked for TensorBoard; its own one imports
    torch to write nothing: 200 MB and seconds where torch is installed."""

    def log_scalar(self, tag: str, scalar_value: Any, step: int) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close nothing."""


def _make_logger(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_tb_logger(model_type: str, path: Any, activate: bool) -> Any:
        if activate and model_type == "pytorch":
            return original(model_type, path, activate)
        return Silent()

    return get_tb_logger


def _check() -> None:
    from freqtrade.freqai import freqai_interface
    from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel

    expect(BaseClassifierModel, "train", ["unfiltered_df", "pair", "dk"])
    expect(BaseClassifierModel, "predict", ["unfiltered_df", "dk"])
    expect(FreqaiDataKitchen, "filter_features", ["unfiltered_df", "training_filter"])
    expect(FreqaiDataKitchen, "build_data_dictionary")
    expect(FreqaiDataKitchen, "split_timerange", ["tr", "train_split", "bt_split"])
    expect(FreqaiDataKitchen, "slice_dataframe", ["timerange", "df"])
    expect(FreqaiDataKitchen, "remove_special_chars_from_feature_names", ["dataframe"])
    expect(IFreqaiModel, "start_backtesting", ["dataframe", "metadata", "dk", "strategy"])
    expect(freqai_interface, "get_tb_logger", ["model_type", "path", "activate"])


def _make_split(original: Callable[..., Any]) -> Callable[..., Any]:
    def split_timerange(self: Any, *args: Any, **kwargs: Any) -> Any:
        """The last window ends one candle later: FreqAI leaves out the candle at its end, which
        then has no prediction, so its decision would depend on where a backtest ends."""
        training, backtesting = original(self, *args, **kwargs)
        if backtesting:
            backtesting[-1].stopts += seconds(self.config["timeframe"])
        return training, backtesting

    return split_timerange


def _apply() -> None:
    from freqtrade.freqai import freqai_interface
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    wrap(FreqaiDataKitchen, "split_timerange", _make_split)
    wrap(freqai_interface, "get_tb_logger", _make_logger)


SEAMS = (Seam("freqai", "purged training", _check, _apply),)
