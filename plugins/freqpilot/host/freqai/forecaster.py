"""FreqAI's side of the models that share one interface (:mod:`freqpilot.models.base.fitted`)."""

import logging
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.labels.targets import (
    age_weights,
    forward_return,
    triple_barrier,
    uniqueness,
)
from freqpilot.host.freqai import guard, targets
from freqpilot.host.freqai.classifier import PurgedClassifier
from freqpilot.host.freqai.columns import LABEL, NAMES, REASONS
from freqpilot.host.freqai.reasons import Explained, reasons_of
from freqpilot.models.base.fitted import Fitted, Model
from freqpilot.models.base.heads import Forecast
from freqpilot.models.base.target import Aimed, Target, spanning
from freqpilot.models.base.window import TooShort, Window, known
from freqpilot.models.sequences.context import lag_names, lagged
from freqpilot.models.training import apart
from freqpilot.settings import LabelSettings, Settings
from freqpilot.shapes import Bools, Floats, Floats32

logger = logging.getLogger(__name__)

FIGURES = ("mean", "low", "high", "confidence")
"""Columns of the forecast beside the chances, as ``forecast_mean``: the forward return in its
volatility (for classes the chance of a rise less that of a fall), its 80 % interval, and the
chance that the direction is right."""


class Served(Protocol):
    """What forecasts and explains itself: a fitted model, with a strategy's target or without."""

    def predict(self, x: Floats32) -> Forecast:
        """Return the forecast of each row."""
        ...

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds (n × k)."""
        ...


class Serving(NamedTuple):
    """A model, the rows that it is asked about, and the names of their columns."""

    model: Served
    x: Floats32
    names: list[str]


class Forecaster(PurgedClassifier):
    """Base of the doors to a model of the catalogue.

    The labels are made here, from the window's candles, so a strategy needs no other targets than
    the classifier's. A regression's chances ``up`` and ``down`` are those of a rise and a fall by
    its conformal distribution: Autopilot reads either kind alike. Where a strategy sets a ``&-``
    target of its own instead, a number, a regression learns that one: its forecast comes back in
    the column of that name, and ``up`` is the chance of more than the window's mean of it.
    """

    forecaster: ClassVar[Model]

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: object
    ) -> Fitted | Aimed | None:
        """Train on one window.

        :returns: the fitted model, or None when the window is too short for its purged parts.
        :raises Degraded: for a strategy's target that it cannot learn.
        """
        own = self._own_target(dk)
        if self._prepare(unfiltered_df, pair, dk) is None:
            return None
        self._name_statistics(dk)
        settings = Settings.from_config(self.config)
        names, labels = tuple(dk.training_features_list), settings.labels
        try:
            if own is None:
                window = self._window(unfiltered_df, names, labels)
                return apart.call(self._made().fit, window, labels, settings.seed)
            ahead = targets.horizon(self.config, labels)
            values = targets.values(unfiltered_df, own, ahead)
            target = Target.of(own, values)
            window = self._window(unfiltered_df, names, labels, (target.scaled(values), ahead))
            fit = self._made().fit
            fitted = apart.call(fit, window, spanning(labels, ahead), settings.seed)
            return Aimed(fitted, target)
        except TooShort as error:
            logger.warning("%s: no model, so no entry by it: %s", pair, error)
            return None

    def _window(
        self,
        frame: pd.DataFrame,
        names: tuple[str, ...],
        labels: LabelSettings,
        target: tuple[Floats, int] | None = None,
    ) -> Window:
        """Return what the model is trained on; ``target`` as that of :func:`training_window`."""
        return training_window(frame, names, labels, self.forecaster.classes, target=target)

    def _rows(self, frame: pd.DataFrame, names: list[str], dk: FreqaiDataKitchen) -> Floats32:
        """Return what the model is asked for, one row a candle of ``frame``."""
        return frame[names].to_numpy(dtype=np.float32)

    def _explained(self, model: Served) -> Explained:
        """Return what tells the additions of the features by name."""
        return model

    def _own_target(self, dk: FreqaiDataKitchen) -> str | None:
        """Return the strategy's target where this model learns it: classes are made here."""
        return None if self.forecaster.classes else targets.own_target(dk.label_list)

    def _name_statistics(self, dk: FreqaiDataKitchen) -> None:
        """Live, FreqAI asks for the mean and deviation of every column that holds numbers."""
        if dk.live:
            for part in ("labels_mean", "labels_std"):
                known = dk.data.setdefault(part, {})
                for name in (*NAMES.values(), *(f"forecast_{name}" for name in FIGURES)):
                    known.setdefault(name, 0)

    def _made(self) -> Model:
        """Return the model, with ``model_training_parameters`` where it takes LightGBM's."""
        given = dict(getattr(self, "model_training_parameters", {}))
        made: Any = self.forecaster
        if given and hasattr(made, "params"):
            return cast(Model, replace(made, params=tuple(sorted(given.items()))))
        return self.forecaster

    def _serving(
        self, unfiltered_df: pd.DataFrame, features: pd.DataFrame, dk: FreqaiDataKitchen
    ) -> Serving:
        """Return what is asked about the rows of ``features``."""
        names = [str(name) for name in features.columns]
        return Serving(self.model, self._rows(unfiltered_df, names, dk), names)

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: object
    ) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int_]]]:
        """Predict one window.

        :returns: a frame with the likelier direction (or the strategy's target), the chances, the
            figures of :data:`FIGURES` and the reasons in words, and ``do_predict``, 1 only where
            every feature was present.
        """
        dk.find_features(unfiltered_df)
        features = unfiltered_df.filter(dk.training_features_list, axis=1)
        dk.filter_features(unfiltered_df, dk.training_features_list, training_filter=False)
        complete = np.asarray(dk.do_predict, dtype=np.int_)
        dk.data_dictionary["prediction_features"] = features
        asked = self._serving(unfiltered_df, features, dk)
        forecast = asked.model.predict(asked.x)
        chances = np.column_stack([forecast.down, forecast.flat, forecast.up])
        finite: Bools = np.asarray(np.isfinite(chances).all(axis=1))
        names = [NAMES[code] for code in (-1, 0, 1)]
        chances = np.where(finite[:, None], chances, 0.0)
        own = self._own_target(dk)
        columns: dict[str, Any] = (
            {LABEL: np.asarray(names, dtype=object)[chances.argmax(axis=1)]}
            if own is None
            else {own: np.where(finite, forecast.mean, 0.0)}
        )
        columns |= dict(zip(names, chances.T, strict=True))
        for name in FIGURES:
            # FreqAI's frames hold no infinity: an interval without evidence has no ends.
            value = getattr(forecast, name)
            columns[f"forecast_{name}"] = np.where(np.isfinite(value), value, np.nan)
        neutral = Settings.from_config(self.config).signals.neutral
        explained = self._explained(asked.model)
        columns[REASONS] = reasons_of(
            explained, asked.names, asked.x, chances, neutral, last=dk.live
        )
        dk.DI_values = np.zeros(len(features))
        dk.do_predict = complete * finite.astype(np.int_) * guard.accepted(self, features, dk)
        return pd.DataFrame(columns), dk.do_predict


def training_window(
    frame: pd.DataFrame,
    names: tuple[str, ...],
    labels: LabelSettings,
    classes: bool,
    length: int = 1,
    step: int = 0,
    target: tuple[Floats, int] | None = None,
) -> Window:
    """Return the window of a pair's frame with feature columns ``names``, with weights by label
    uniqueness and age: only labels that are decided by its last candle.

    :param length: candles of each row's context; ``step`` is the time between two in nanoseconds.
    :param target: a strategy's own label (n) and how many candles it looks ahead, instead of ours.
    """
    candles = candles_from_frame(frame)
    if target is not None:
        label, end = target[0], np.arange(len(candles)) + target[1]
    elif classes:
        barrier = triple_barrier(candles, labels)
        label = np.where(barrier.known, barrier.label.astype(np.float64), np.nan)
        end = barrier.end
    else:
        label, end = forward_return(candles, labels), np.arange(len(candles)) + labels.horizon
    unique = uniqueness(np.minimum(end, len(candles) - 1))
    x = frame[list(names)].to_numpy(dtype=np.float32)
    if length > 1:
        x, names = lagged(x, candles.date, step, length), lag_names(names, length)
    return known(x, label, end, unique * age_weights(len(candles)), unique, names)
