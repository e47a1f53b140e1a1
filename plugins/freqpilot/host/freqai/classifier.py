"""FreqAI's side of the models room: purged training, predictions that keep FreqAI's NaN mask, and
model files that are checked before they are unpickled."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqpilot.errors import RefuseToStart
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.labels.splits import purged_split
from freqpilot.features.labels.targets import age_weights, triple_barrier, uniqueness
from freqpilot.host.freqai import columns, guard
from freqpilot.host.freqai.columns import LABEL, NAMES, REASONS
from freqpilot.host.freqai.reasons import reasons_of
from freqpilot.models.training import apart
from freqpilot.models.trees.classifier import CLASSES, FittedTrees, fit
from freqpilot.risk.market.staleness import EXPIRED
from freqpilot.settings import Settings
from freqpilot.shapes import Bools

logger = logging.getLogger(__name__)


class PurgedClassifier(BaseClassifierModel):
    """Base of the pack's classifiers on triple-barrier labels.

    Against Freqtrade's own base it holds the label horizon out between training and validation
    part (purge and embargo), weights samples by uniqueness and age, never lets a row with a NaN
    come back as predicted, and refuses a model file that was changed on disk.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """:raises OperationalException: Freqtrade's own, when what the settings need is absent."""
        super().__init__(config=config)
        config.setdefault("internals", {})[columns.NARROW] = True
        try:
            self._require()
        except RefuseToStart as error:
            raise OperationalException(str(error)) from None

    def _require(self) -> None:
        """:raises RefuseToStart: when what the settings need is not installed."""
        guard.check(Settings.from_config(self.config))

    def define_data_pipeline(self, threads: int = -1) -> Pipeline:
        """Return the anomaly guard where it is on, nothing else: trees need no scaling, the other
        models keep theirs with their weights."""
        return guard.pipeline(Settings.from_config(self.config))

    def define_label_pipeline(self, threads: int = -1) -> Pipeline:
        """Class names are not scaled."""
        return Pipeline([])

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: object
    ) -> Any:
        """Train on one window.

        :param unfiltered_df: the window's candles with feature columns, oldest first.
        :returns: the fitted model, or None when the window is too short for a purged split.
        """
        data = self._prepare(unfiltered_df, pair, dk)
        return None if data is None else self.fit(data, dk)

    def _prepare(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen
    ) -> dict[str, Any] | None:
        """Return FreqAI's dictionary of the purged parts, which it also saves; None when one of
        them is empty."""
        settings = Settings.from_config(self.config)
        features, labels = dk.filter_features(
            unfiltered_df, dk.training_features_list, dk.label_list, training_filter=True
        )
        kept = unfiltered_df.index.get_indexer(features.index)
        barrier = triple_barrier(candles_from_frame(unfiltered_df), settings.labels)
        train, valid = purged_split(
            # Rows with a NaN were dropped, so an end row becomes its place among the kept ones.
            np.searchsorted(kept, barrier.end[kept], side="right") - 1,
            len(kept),
            settings.labels.validation_share,
            settings.labels.purge,
            settings.labels.embargo,
        )
        if not len(train) or not len(valid):
            logger.warning("%s: %d rows are too few for a purged split", pair, len(kept))
            return None
        weights = (uniqueness(barrier.end) * age_weights(len(unfiltered_df)))[kept]
        data = dk.build_data_dictionary(
            features.iloc[train],
            features.iloc[valid],
            labels.iloc[train],
            labels.iloc[valid],
            weights[train],
            weights[valid],
        )
        dk.fit_labels()
        dk.feature_pipeline = self.define_data_pipeline(threads=dk.thread_count)
        dk.feature_pipeline.fit(data["train_features"])
        logger.info(
            "%s: training on %d rows, validating on %d, %d purged between them",
            pair,
            len(train),
            len(valid),
            len(kept) - len(train) - len(valid),
        )
        return dict(data)

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: object) -> Any:
        """Fit LightGBM on the purged parts; see :func:`freqpilot.models.trees.classifier.fit`."""
        codes = {name: code for code, name in NAMES.items()}
        parts = {
            part: data_dictionary[f"{part}_labels"][LABEL].map(codes).to_numpy(dtype=np.int64)
            for part in ("train", "test")
        }
        return apart.call(
            fit,
            data_dictionary["train_features"].to_numpy(dtype=np.float32),
            parts["train"],
            np.asarray(data_dictionary["train_weights"], dtype=np.float64),
            data_dictionary["test_features"].to_numpy(dtype=np.float32),
            parts["test"],
            np.asarray(data_dictionary["test_weights"], dtype=np.float64),
            seed=Settings.from_config(self.config).seed,
            params=dict(self.model_training_parameters),
        )

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: object
    ) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int_]]]:
        """Predict one window.

        :returns: a frame with the most probable class, one probability column a class and the
            reasons in words, and ``do_predict``, 1 only where every feature was present.
        """
        dk.find_features(unfiltered_df)
        features = unfiltered_df.filter(dk.training_features_list, axis=1)
        dk.filter_features(unfiltered_df, dk.training_features_list, training_filter=False)
        complete = np.asarray(dk.do_predict, dtype=np.int_)
        dk.data_dictionary["prediction_features"] = features
        model: FittedTrees = self.model
        x = features.to_numpy(dtype=np.float32)
        probabilities = model.predict_proba(x)
        finite: Bools = np.asarray(np.isfinite(probabilities).all(axis=1))
        probabilities = np.where(finite[:, None], probabilities, 0.0)
        names = [NAMES[code] for code in CLASSES]
        best = np.asarray(names, dtype=object)[probabilities.argmax(axis=1)]
        neutral = Settings.from_config(self.config).signals.neutral
        why = reasons_of(model, list(features.columns), x, probabilities, neutral, dk.live)
        predictions = pd.concat(
            [
                pd.DataFrame({LABEL: best}),
                pd.DataFrame(probabilities, columns=names),
                pd.DataFrame({REASONS: why}),
            ],
            axis=1,
        )
        dk.DI_values = np.zeros(len(features))
        dk.do_predict = complete * finite.astype(np.int_) * guard.accepted(self, features, dk)
        return predictions, dk.do_predict

    def _fill_statistics(self, dk: FreqaiDataKitchen, pair: str) -> None:
        """Live, FreqAI asks for the mean and deviation of every column that holds numbers, and has
        those of its labels alone."""
        for name in self.dd.historic_predictions[pair].columns:
            if name.endswith("_mean"):
                for part in ("labels_mean", "labels_std"):
                    dk.data.setdefault(part, {}).setdefault(name.removesuffix("_mean"), 0)

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: FreqaiDataKitchen, pair: str, trained_timestamp: int
    ) -> None:
        """Attach the newest forecast; an expired model's is missing, with ``do_predict`` −3.

        FreqAI gives zeros and 2, which reads as a forecast of nothing, or as a trusted one.
        """
        known = pair in self.dd.model_return_values
        if known:
            self._fill_statistics(dk, pair)
        if not (known and dk.check_if_model_expired(trained_timestamp)):
            super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
            return
        predictions = pd.DataFrame(np.nan, index=range(1), columns=list(NAMES.values()))
        dk.DI_values = np.zeros(1)
        gone = np.array([EXPIRED], dtype=np.int_)
        self.dd.append_model_predictions(pair, predictions, gone, dk, dataframe)
        dk.return_dataframe = self.dd.attach_return_values_to_return_dataframe(pair, dataframe)
