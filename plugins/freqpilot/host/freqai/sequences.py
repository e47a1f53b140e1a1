"""FreqAI's side of the sequence models: each candle is asked for with the candles before it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.freqai.forecaster import Forecaster, Served, training_window
from freqpilot.host.freqai.reasons import Explained
from freqpilot.host.seams.freqtrade import TimeRange
from freqpilot.models.base.runtime import require
from freqpilot.models.base.target import Aimed
from freqpilot.models.base.window import Window
from freqpilot.models.sequences.context import lagged, summed
from freqpilot.models.sequences.models import SequenceModel
from freqpilot.settings import LabelSettings, Settings
from freqpilot.shapes import Floats, Floats32

CONTEXT = "freqpilot_context"
"""Where a data kitchen, which is one pair's, keeps the candles before the window in hand."""


@dataclass(frozen=True)
class Newest:
    """A sequence model's additions, summed over the candles of a row's context."""

    fitted: Explained
    length: int

    def leaning(self, x: Floats32) -> Floats:
        """Return the additions (n × k) for rows with their context (n × length·k)."""
        return summed(self.fitted.leaning(x), self.length)


class SequenceForecaster(Forecaster):
    """Base of the doors to the sequence models.

    FreqAI hands ``predict`` one window alone, live the newest candles alone. In a backtest the
    candles before each window are kept on the pair's data kitchen when FreqAI cuts it; live FreqAI
    is asked for as many candles as a row needs. A candle without its whole context, at the
    beginning or behind a gap, has no forecast, so no entry.
    """

    forecaster: ClassVar[SequenceModel]

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        # How many of the newest candles FreqAI hands over live.
        self.CONV_WIDTH: int = max(self.freqai_info.get("conv_width", 1), self._made().length)

    def _require(self) -> None:
        super()._require()
        require(f"the model {type(self).__name__}", self._made().settings.device)

    def start_backtesting(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        dk: FreqaiDataKitchen,
        *rest: object,
    ) -> FreqaiDataKitchen:
        """Backtest one pair, with the context of each window."""
        keep_context(dk, self._made().length)
        return super().start_backtesting(dataframe, metadata, dk, *rest)

    def _made(self) -> SequenceModel:
        settings = Settings.from_config(self.config)
        return replace(self.forecaster, settings=settings.models.sequences)

    def _window(
        self,
        frame: pd.DataFrame,
        names: tuple[str, ...],
        labels: LabelSettings,
        target: tuple[Floats, int] | None = None,
    ) -> Window:
        length, step = self._made().length, self._step()
        return training_window(frame, names, labels, False, length, step, target)

    def _rows(self, frame: pd.DataFrame, names: list[str], dk: FreqaiDataKitchen) -> Floats32:
        """Return the rows of ``frame`` with their context (n × length·k), NaN without one."""
        whole, before = frame[["date", *names]], getattr(dk, CONTEXT, None)
        if before is not None and not dk.live and len(frame):
            before = before.loc[before["date"] < frame["date"].iloc[0], ["date", *names]]
            whole = pd.concat([before, whole], ignore_index=True)
        time = pd.to_datetime(whole["date"], utc=True).to_numpy("datetime64[ns]").view(np.int64)
        x = whole[names].to_numpy(dtype=np.float32)
        return lagged(x, time, self._step(), self._length())[len(whole) - len(frame) :]

    def _explained(self, model: Served) -> Explained:
        return Newest(model, self._length())

    def _length(self) -> int:
        """Return the candles that the model in use reads: one that was trained before the setting
        changed keeps its own until it is trained anew."""
        fitted = self.model.fitted if isinstance(self.model, Aimed) else self.model
        return int(getattr(fitted.core, "length", self._made().length))

    def _step(self) -> int:
        return seconds(self.config["timeframe"]) * 1_000_000_000


def keep_context(dk: FreqaiDataKitchen, length: int) -> None:
    """Make a data kitchen keep the ``length`` − 1 candles before each window that it cuts, with the
    features as FreqAI names them in the window."""
    original: Callable[..., pd.DataFrame] = dk.slice_dataframe

    def slice_dataframe(timerange: TimeRange, df: pd.DataFrame) -> pd.DataFrame:
        before = df.loc[df["date"] < timerange.startdt].tail(length - 1)
        setattr(dk, CONTEXT, dk.remove_special_chars_from_feature_names(before))
        return original(timerange, df)

    dk.slice_dataframe = slice_dataframe
