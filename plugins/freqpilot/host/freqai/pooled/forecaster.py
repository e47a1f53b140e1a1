"""FreqAI's side of one model for all pairs: trained once a window, asked by each pair.

FreqAI trains and asks pair by pair. The first pair that comes to a window fits the model on all
pairs' candles of it; the others get a reference to the same file. Ranks across pairs need all
pairs' features of a candle: in a backtest they are computed once a run, live once a candle.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy import IStrategy

from freqpilot.errors import Degraded
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.freqai import memory, targets
from freqpilot.host.freqai.forecaster import Forecaster, Served, Serving
from freqpilot.host.freqai.pooled import pool
from freqpilot.host.freqai.pooled.files import PoolFiles, Reference
from freqpilot.host.freqai.pooled.sources import PoolSources, targets_of
from freqpilot.models.base.heads import Forecast
from freqpilot.models.base.target import Aimed, spanning
from freqpilot.models.base.window import TooShort
from freqpilot.models.pooled import Layout, Pooled, stack
from freqpilot.models.training import apart
from freqpilot.settings import LabelSettings, Settings
from freqpilot.shapes import Bools, Floats, Floats32, Ints

logger = logging.getLogger(__name__)

STRATEGY, LOADED = "freqpilot_strategy", "freqpilot_loaded"
"""What a data kitchen is told for the call that it was made for."""


class Mute:
    """A model that is missing: it forecasts nothing."""

    def predict(self, x: Floats32) -> Forecast:
        """Return NaN for each row."""
        return Forecast(*(np.full(len(x), np.nan) for _ in Forecast._fields))

    def leaning(self, x: Floats32) -> Floats:
        """Return nothing that adds."""
        return np.zeros(x.shape)


class PooledForecaster(Forecaster):
    """Base of the doors to a pooled model: one fit for all pairs of the whitelist (or of
    ``freqpilot.universe``) on their features, the ranks of these across pairs, and the pair."""

    def __init__(self, config: dict[str, Any]) -> None:
        if str(config.get("runmode")) not in ("live", "dry_run"):
            stamp_pairs(config)
        super().__init__(config)
        self.files = PoolFiles(Path(self.full_path))
        self.sources = PoolSources(config)

    def start_backtesting(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        dk: FreqaiDataKitchen,
        strategy: IStrategy,
    ) -> FreqaiDataKitchen:
        """Run FreqAI's windows of one pair."""
        memory.tidy()  # of the pair before
        setattr(dk, STRATEGY, strategy)
        return super().start_backtesting(dataframe, metadata, dk, strategy)

    def start_live(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
    ) -> FreqaiDataKitchen:
        """Run FreqAI's step of one pair and candle."""
        setattr(dk, STRATEGY, strategy)
        return super().start_live(dataframe, metadata, strategy, dk)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Train a live pair; one that gets a model of before counts as trained then."""
        setattr(dk, STRATEGY, strategy)
        span = (int(new_trained_timerange.startts), int(new_trained_timerange.stopts))
        setattr(dk, LOADED, (*span, data_load_timerange))
        super().extract_data_and_train_model(
            new_trained_timerange, pair, strategy, dk, data_load_timerange
        )
        model = self.dd.model_dictionary.get(pair)
        if isinstance(model, Reference):
            self.dd.pair_dict[pair]["trained_timestamp"] = model.stop
            self.dd.save_drawer_to_disk()
        if keep := int(self.freqai_info.get("purge_old_models", 0) or 0):
            models = self.dd.model_dictionary.values()
            used = {model.file for model in models if isinstance(model, Reference)}
            self.files.purge(max(keep, 2), used)

    def train(  # type: ignore[override]
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: object
    ) -> Reference | None:
        """Return the window's model, which the first pair that asks for it has fitted.

        :returns: None when the window of all pairs is too short for its purged parts.
        :raises Degraded: for features or targets that pairs do not have in common.
        """
        own = self._own_target(dk)
        self._keep(unfiltered_df, dk)
        try:
            return self._reference(pair, dk, own)
        except TooShort as error:
            logger.warning("%s: no pooled model, so no entry by it: %s", pair, error)
            return None

    def _keep(self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen) -> None:
        """Give FreqAI what it saves and tells of a training, of this pair alone."""
        features, labels = dk.filter_features(
            unfiltered_df, dk.training_features_list, dk.label_list, training_filter=True
        )
        ones, none = np.ones(len(features)), np.empty(0)
        dk.build_data_dictionary(features, features.iloc[:0], labels, labels.iloc[:0], ones, none)
        dk.fit_labels()
        self._name_statistics(dk)
        dk.feature_pipeline = self.define_data_pipeline(threads=dk.thread_count)
        dk.feature_pipeline.fit(features)
        if not (dk.live or self.save_backtest_models):
            # Nobody saves them, and the fit needs the memory.
            dk.data_dictionary["train_features"] = features.iloc[:0].copy()

    def _reference(self, pair: str, dk: FreqaiDataKitchen, own: str | None) -> Reference:
        span = self._span(dk)
        mark = self._mark(dk, own, span)
        if dk.live:
            # FreqAI's windows of two pairs never end together; a model less old than its pairs may
            # be serves them all.
            hours = float(self.freqai_info.get("live_retrain_hours", 0))
            fresh = self.files.fresh(mark, span.stop - max(hours * 3600, span.step))
            if fresh is not None:
                return fresh
        found = Reference.of(span.stop, mark)
        if dk.live or found not in self.files:
            fitted = self._fit(pair, dk, own, span)
            write = dk.live or self.save_backtest_models
            self.files.keep(found, fitted, live=dk.live, write=write)
        return found

    def _span(self, dk: FreqaiDataKitchen) -> pool.Span:
        step = seconds(self.config["timeframe"])
        if dk.live:
            begin, stop, _ = getattr(dk, LOADED)
            return pool.Span(begin, stop, step)
        window = self.training_timerange
        return pool.Span(int(window.startts), int(window.stopts), step)

    def _mark(self, dk: FreqaiDataKitchen, own: str | None, span: pool.Span) -> str:
        """Return a digest of what makes another model of the same candles."""
        settings = Settings.from_config(self.config)
        parts = (
            *(self._pairs(dk), own, self.forecaster.name, span.stop - span.begin),
            *(self._made(), settings.labels, settings.seed, settings.models.pooled),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]

    def _pairs(self, dk: FreqaiDataKitchen) -> tuple[str, ...]:
        """Return the pairs that one model is for, by name: live, those that FreqAI loads."""
        chosen = Settings.from_config(self.config).universe
        known = list(chosen) or getattr(dk, STRATEGY).dp.current_whitelist()
        if dk.live:
            known = [pair for pair in known if pair in self.dd.historic_data]
        return tuple(sorted(set(known)))

    def _labels(self, own: str | None) -> LabelSettings:
        """Return the label settings, for a strategy's own target with its horizon."""
        labels = Settings.from_config(self.config).labels
        if own is None:
            return labels
        return spanning(labels, targets.horizon(self.config, labels))

    def _fit(self, pair: str, dk: FreqaiDataKitchen, own: str | None, span: pool.Span) -> Pooled:
        settings, labels = Settings.from_config(self.config), self._labels(own)
        strategy, pairs = getattr(dk, STRATEGY), self._pairs(dk)
        if dk.live:
            loaded = getattr(dk, LOADED)[2]
            sources = self.sources.of_training(
                strategy, pairs, self.dd, loaded, span, own, labels.horizon
            )
        else:
            sources = self.sources.of_run(strategy, pairs, own, labels.horizon)
        memory.give_back()
        names = pool.common_names(sources.values())
        known: dict[str, Floats] = {}
        aims = None
        if own is not None:
            known, aims = pool.scaled(targets_of(sources, span), own)
            sources = {name: source for name, source in sources.items() if name in known}
        members = {
            name: pool.member_of(
                source, names, span, labels, self.forecaster.classes, known.get(name)
            )
            for name, source in sources.items()
        }
        there = {name: member for name, member in members.items() if member is not None}
        if not there:
            raise TooShort("no pair has a row whose features and label are known")
        rows = sum(len(member.x) for member in there.values())
        every = -(-rows // settings.models.pooled.most_rows)
        ranked = [name for name in names if settings.models.pooled.ranks and pool.is_ranked(name)]
        last = max(int(member.time[-1]) for member in there.values())
        layout = Layout(names, tuple(ranked), tuple(sorted(there)))
        window = stack({name: there[name] for name in layout.pairs}, layout, last, every)
        # What they hold is in the window, and a fit needs the memory.
        del members, there, sources
        logger.info(
            "pooled training on %d candles of %d pairs, %d features and %d ranks, asked for by %s",
            *(len(window.time), len(layout.pairs), len(names), len(ranked), pair),
        )
        memory.give_back()
        fitted = apart.call(self._made().fit, window, labels, settings.seed)
        return Pooled(
            layout, fitted, tuple((name, aims[name]) for name in layout.pairs) if aims else ()
        )

    def _serving(
        self, unfiltered_df: pd.DataFrame, features: pd.DataFrame, dk: FreqaiDataKitchen
    ) -> Serving:
        """Return the pooled columns of the rows: NaN, and so no forecast, where the data provider's
        candles give other features than the pair's own frame, or too few pairs have a candle."""
        try:
            model, dates = self._model(dk), pool.dates_of(unfiltered_df)
            return self._wide(model, self._beside(dk, dates), dates, features, dk.pair)
        except Degraded as error:
            if not dk.live:
                raise
            logger.warning("%s: the pooled model is silent: %s", dk.pair, error)
            return Serving(Mute(), np.full((len(features), 1), np.nan, np.float32), [""])

    def _model(self, dk: FreqaiDataKitchen) -> Pooled:
        reference = self.model
        if not isinstance(reference, Reference):
            raise Degraded(
                f"the model that FreqAI keeps for {dk.pair} is no pooled one: there is no entry by "
                "it until it is trained anew; change freqai.identifier with the model"
            )
        try:
            return self.files.load(reference, live=dk.live)
        except Degraded:
            if dk.live:
                # FreqAI's next turn trains anew, not the one when the model would be old.
                self.files.set_aside(reference)
                self.dd.pair_dict[dk.pair]["trained_timestamp"] = 0
            raise

    def _beside(self, dk: FreqaiDataKitchen, dates: Ints) -> Mapping[str, pool.Source]:
        """Return all pairs' features around ``dates``, those of the asking pair too."""
        strategy, pairs = getattr(dk, STRATEGY), sorted({*self._pairs(dk), dk.pair})
        if dk.live:
            return self.sources.newest(strategy, pairs, dk.pair, dates)
        own = self._own_target(dk)
        return self.sources.of_run(strategy, pairs, own, self._labels(own).horizon)

    def _wide(
        self,
        model: Pooled,
        sources: Mapping[str, pool.Source],
        dates: Ints,
        features: pd.DataFrame,
        pair: str,
    ) -> Serving:
        layout = model.layout
        shown = [pool.own_name(str(name), pair) for name in features.columns]
        x = features.to_numpy(dtype=np.float32)[:, pool.places(shown, pair, layout.names)]
        equal = _equal(x, sources.get(pair), dates, layout.names)
        if not equal.all():
            logger.warning(
                "%s: on %d of %d candles the features differ from those that the data provider's "
                "candles give, so there is no forecast and no entry by it; change no candle or "
                "column before self.freqai.start",
                *(pair, int((~equal).sum()), len(dates)),
            )
        x[~equal] = np.nan
        ranked = layout.ranked
        members = {
            name: pool.at_dates(source, dates, pool.places(source.names, name, ranked))
            for name, source in sources.items()
            if name in layout.pairs and name != pair
        }
        own = [layout.names.index(name) for name in ranked]
        ranks = layout.ranked_of({**members, pair: (dates, x[:, own])})[pair]
        aim = model.target(pair)
        served: Served = model.fitted if aim is None else Aimed(model.fitted, aim)
        return Serving(served, layout.widen(pair, dates, x, ranks), list(layout.columns))


def _equal(x: Floats32, mine: pool.Source | None, dates: Ints, names: tuple[str, ...]) -> Bools:
    """Tell for each row whether the source gives the same features at its date."""
    out = np.zeros(len(dates), np.bool_)
    if mine is not None:
        at, same = pool.at_dates(mine, dates, pool.places(mine.names, mine.pair, names))
        there = np.isin(dates, at)
        out[there] = ((x[there] == same) | (np.isnan(x[there]) & np.isnan(same))).all(axis=1)
    return out


def stamp_pairs(config: dict[str, Any]) -> None:
    """Give FreqAI's folder a name that changes with the pairs: it would take predictions of a
    backtest with others from its cache."""
    pairs = config.get("freqpilot", {}).get("universe") or config["exchange"]["pair_whitelist"]
    base = str(config["freqai"].get("identifier", "freqpilot")).split("+")[0]
    mark = hashlib.sha256(repr(sorted(pairs)).encode()).hexdigest()[:6]
    config["freqai"]["identifier"] = f"{base}+{mark}"
