"""The anomaly guard as a step of FreqAI's feature pipelines."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from datasieve.transforms.base_transform import BaseTransform
from numpy.typing import NDArray

from freqpilot.host.alerts import events as alerts
from freqpilot.host.seams.freqtrade import Kitchen
from freqpilot.models import autoencoder
from freqpilot.models.base.runtime import require
from freqpilot.settings import GuardSettings, Settings

logger = logging.getLogger(__name__)

STEP = "guard"


class AutoencoderGuard(BaseTransform):
    """Refuses rows that an autoencoder of the training rows cannot put together again.

    A step of any datasieve pipeline, so of a stock FreqAI model's too::

        def define_data_pipeline(self, threads=-1):
            pipe = super().define_data_pipeline(threads)
            pipe.append(("guard", AutoencoderGuard()))
            return pipe

    It changes no feature and drops no row; asked with ``outlier_check`` it marks refused rows,
    which FreqAI turns into ``do_predict`` 0. What is pickled with the pipeline are values and text.

    :param share: newest part of the training rows that is held apart, for the end of the training
        and the threshold; ``gap`` rows are left out before each.
    """

    def __init__(
        self,
        settings: GuardSettings | None = None,
        share: float = 0.2,
        gap: int = 12,
        seed: int = 20260101,
    ) -> None:
        super().__init__(name=STEP)
        self.settings = GuardSettings() if settings is None else settings
        self.share, self.gap, self.seed = share, gap, seed
        self.fitted: autoencoder.Autoencoder | None = None

    def fit(
        self,
        X: Any,
        y: object = None,
        sample_weight: object = None,
        feature_list: object = None,
        **kwargs: object,
    ) -> tuple[Any, Any, Any, Any]:
        """Learn from training rows, oldest first.

        :raises TooShort: when they are too few.
        """
        rows = np.asarray(X, np.float32)
        self.fitted = autoencoder.fit(rows, self.settings, self.share, self.gap, self.seed)
        return X, y, sample_weight, feature_list

    def transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: object = None,
        feature_list: object = None,
        outlier_check: bool = False,
        **kwargs: object,
    ) -> tuple[Any, Any, Any, Any]:
        """Mark refused rows in ``y`` (1 usual, less for each step that refuses) where
        ``outlier_check`` asks for it.

        :raises RuntimeError: when it was never fitted.
        """
        if outlier_check:
            if self.fitted is None:
                raise RuntimeError("the anomaly guard was never fitted, so it can accept no row")
            y = y + self.fitted.accepts(np.asarray(X, np.float32)).astype(np.float64) - 1.0
        return X, y, sample_weight, feature_list


def check(settings: Settings) -> None:
    """:raises RefuseToStart: when the guard is on and torch is not installed."""
    if settings.models.guard.enabled:
        require("the anomaly guard (freqpilot.models.guard)")


def pipeline(settings: Settings) -> Pipeline:
    """Return the feature pipeline of our models: the guard where it is on, or nothing."""
    if not settings.models.guard.enabled:
        return Pipeline([])
    labels = settings.labels
    step = AutoencoderGuard(
        settings.models.guard, labels.validation_share, labels.embargo, settings.seed
    )
    return Pipeline([(STEP, step)], fitparams={STEP: {}})


def accepted(model: Any, features: pd.DataFrame, dk: Kitchen) -> NDArray[np.int_]:
    """Return 1 for each row that the guard accepts, 0 for one that it refuses; 1 for all where it
    is off. Live, the refusal of the newest candle is told to the user.

    :param model: the FreqAI model; ``dk`` the data kitchen that holds the window's pipeline.
    """
    settings = Settings.from_config(model.config)
    if not settings.models.guard.enabled:
        return np.ones(len(features), np.int_)
    steps = getattr(dk, "feature_pipeline", None)
    if steps is None or STEP not in steps:
        logger.warning(
            "%s: the model was trained without the anomaly guard, so no candle is accepted and "
            "there is no entry by it until it is trained anew",
            dk.pair,
        )
        return np.zeros(len(features), np.int_)
    _, marks, _ = steps.transform(features, outlier_check=True)
    found: NDArray[np.int_] = (np.asarray(marks) == 1).astype(np.int_)
    refused = len(found) - int(found.sum())
    if not dk.live:
        logger.info("%s: the anomaly guard refused %d of %d candles", dk.pair, refused, len(found))
    elif len(found) and not found[-1]:
        text = (
            f"{dk.pair}: the newest candle is unlike what the model was trained on (anomaly "
            "guard): no entry by it; open trades are managed as before"
        )
        alerts.record_later("anomaly guard", text, pair=dk.pair)
    return found
