"""Mends FreqAI around the models: a backtest's last candle gets its prediction, and torch is not
imported for nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.seams.freqtrade import Kitchen
from freqpilot.host.seams.seam import Place, Seam


class Silent:
    """FreqAI's logger of training steps where nobody asked for TensorBoard; its own one imports
    torch to write nothing: 200 MB and seconds where torch is installed."""

    def log_scalar(self, tag: str, scalar_value: object, step: int) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close nothing."""


def _make_logger(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_tb_logger(model_type: str, path: Path, activate: bool) -> Any:
        if activate and model_type == "pytorch":
            return original(model_type, path, activate)
        return Silent()

    return get_tb_logger


def _make_split(original: Callable[..., Any]) -> Callable[..., Any]:
    def split_timerange(self: Kitchen, *args: object, **kwargs: object) -> Any:
        """The last window ends one candle later: FreqAI leaves out the candle at its end, which
        then has no prediction, so its decision would depend on where a backtest ends."""
        training, backtesting = original(self, *args, **kwargs)
        if backtesting:
            backtesting[-1].stopts += seconds(self.config["timeframe"])
        return training, backtesting

    return split_timerange


KITCHEN = "freqtrade.freqai.data_kitchen:FreqaiDataKitchen"
STOCK_MODEL = "freqtrade.freqai.base_models.BaseClassifierModel:BaseClassifierModel"
SEAMS = (
    Seam(
        "freqai.models",
        "let FreqAI train and ask Freqpilot's models as it does its own",
        until="never: this is FreqAI's interface for models",
        places=(
            Place(f"{STOCK_MODEL}.train", ["unfiltered_df", "pair", "dk"]),
            Place(f"{STOCK_MODEL}.predict", ["unfiltered_df", "dk"]),
            Place(f"{KITCHEN}.filter_features", ["unfiltered_df", "training_filter"]),
            Place(f"{KITCHEN}.build_data_dictionary"),
            Place(f"{KITCHEN}.slice_dataframe", ["timerange", "df"]),
            Place(f"{KITCHEN}.remove_special_chars_from_feature_names", ["dataframe"]),
            Place(
                "freqtrade.freqai.freqai_interface:IFreqaiModel.start_backtesting",
                ["dataframe", "metadata", "dk", "strategy"],
            ),
        ),
    ),
    Seam(
        "freqai.last_candle",
        "give the last candle of a backtest its forecast",
        until="FreqAI's last window holds the candle at its end",
        places=(
            Place(f"{KITCHEN}.split_timerange", ["tr", "train_split", "bt_split"], _make_split),
        ),
    ),
    Seam(
        "freqai.no_torch",
        "import torch only where TensorBoard was asked for",
        until="FreqAI imports torch only for models that use it",
        places=(
            Place(
                "freqtrade.freqai.freqai_interface:get_tb_logger",
                ["model_type", "path", "activate"],
                _make_logger,
            ),
        ),
    ),
)
