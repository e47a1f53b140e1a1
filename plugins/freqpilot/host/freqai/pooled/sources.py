"""Where a pooled model's features come from: FreqAI's own functions, run for every pair."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy import IStrategy

from freqpilot.errors import Degraded
from freqpilot.host.freqai import memory, targets
from freqpilot.host.freqai.pooled import pool
from freqpilot.host.seams.freqtrade import Drawer
from freqpilot.shapes import Floats, Ints

logger = logging.getLogger(__name__)


class NoCandles(Degraded):
    """The data provider has nothing of a pair."""


class PoolSources:
    """All pairs' features: those of a whole backtest, computed once a run, and live those of the
    newest candles, computed once a candle, by the pair that comes first.

    Features look back only, so a backtest's are known at each candle; a target of a window is made
    of its candles alone, as FreqAI does.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._strategy: Any = None
        self._known: dict[str, pool.Source] = {}
        self._kept: pool.Kept = {}
        self._without: set[str] = set()
        self._begin, self._end = 0, 0

    def of_run(
        self, strategy: IStrategy, pairs: Iterable[str], own: str | None, ahead: int
    ) -> dict[str, pool.Source]:
        """Return a backtest's sources; a pair without candles has none.

        :param own: a strategy's target, ``ahead`` candles long, for each training window.
        """
        if self._strategy is not strategy:
            self._strategy, self._known, self._without = strategy, {}, set()
            self._kept = {}
        missing = [pair for pair in pairs if pair not in {*self._known, *self._without}]
        for pair in missing:
            try:
                self._known[pair] = self._whole(pair, strategy, own, ahead)
            except NoCandles as error:
                self._without.add(pair)
                logger.warning("the pooled model is without %s: %s", pair, error)
        if missing:
            memory.tidy()
        return {pair: self._known[pair] for pair in pairs if pair in self._known}

    def newest(
        self, strategy: IStrategy, pairs: Iterable[str], asking: str, dates: Ints
    ) -> dict[str, pool.Source]:
        """Return the sources live, whose candles are beside each other at ``dates``.

        :param asking: the pair whose dates these are.
        """
        first, last = int(dates[0]), int(dates[-1])
        mine = self._known.get(asking)
        if (
            self._strategy is not strategy
            or not self._begin <= first <= last <= self._end
            or mine is None
            or last not in mine.candles.date
        ):
            found = {}
            for pair in sorted(pairs):
                try:
                    kitchen = FreqaiDataKitchen(self._config, True, pair)
                    frame = self._populated(kitchen, strategy, pair)
                except NoCandles as error:
                    logger.warning("the ranks across pairs are without %s: %s", pair, error)
                    continue
                found[pair] = pool.source_of(pair, frame).since(first)
            self._strategy, self._known = strategy, found
            self._begin, self._end = first, last
        return self._known

    def of_training(
        self,
        strategy: IStrategy,
        pairs: Iterable[str],
        drawer: Drawer,
        loaded: Any,
        span: pool.Span,
        own: str | None,
        ahead: int,
    ) -> dict[str, pool.Source]:
        """Return the sources of a live training, from the candles that FreqAI holds.

        :param loaded: the time range of the candles that features are computed of.
        """
        sources = {}
        kept: pool.Kept = {}
        for pair in pairs:
            kitchen = FreqaiDataKitchen(self._config, True, pair)
            others, base = drawer.get_base_and_corr_dataframes(loaded, pair, kitchen)
            if base[self._config["timeframe"]].empty:
                logger.warning("the pooled model is without %s, which has no candles", pair)
                continue
            frame = kitchen.use_strategy_to_populate_indicators(
                strategy, corr_dataframes=others, base_dataframes=base, pair=pair
            )
            frame = frame.loc[pool.dates_of(frame) >= span.begin * pool.SECOND]
            known = {span.stop: (0, targets.values(frame, own, ahead))} if own else {}
            sources[pair] = pool.source_of(pair, frame, known, kept)
        return sources

    def _whole(self, pair: str, strategy: IStrategy, own: str | None, ahead: int) -> pool.Source:
        kitchen = FreqaiDataKitchen(self._config, False, pair)
        frame = self._populated(kitchen, strategy, pair)
        known: dict[int, tuple[int, Floats]] = {}
        dates = pool.dates_of(frame)
        for window in kitchen.training_timeranges if own else ():
            before = frame.loc[frame["date"] < window.stopdt]
            if before.empty:
                continue
            labelled = strategy.set_freqai_targets(before, metadata={"pair": pair})
            inner = kitchen.buffer_timerange(window)
            begin, stop = int(inner.startts), int(inner.stopts)
            low, high = dates.searchsorted([begin * pool.SECOND, stop * pool.SECOND])
            values = targets.values(labelled.iloc[:high], str(own), ahead)
            known[stop] = (int(low), values[low:])
        return pool.source_of(pair, frame, known, self._kept)

    def _populated(
        self, kitchen: FreqaiDataKitchen, strategy: IStrategy, pair: str
    ) -> pd.DataFrame:
        """Return a pair's candles with features, as FreqAI computes them of the data provider's."""
        candles = strategy.dp.get_pair_dataframe(pair, self._config["timeframe"])
        if candles.empty:
            raise NoCandles(
                f"there are no candles of {pair}, so it is neither ranked nor traded by the pooled "
                "model; download them, or leave the pair out of freqpilot.universe"
            )
        frame = kitchen.use_strategy_to_populate_indicators(
            strategy, prediction_dataframe=candles, pair=pair
        )
        found: pd.DataFrame = kitchen.remove_special_chars_from_feature_names(frame)
        return found


def targets_of(sources: Mapping[str, pool.Source], span: pool.Span) -> dict[str, Floats]:
    """Return each pair's target at its candles of a window; a pair without it is left out."""
    found = {}
    for pair, source in sources.items():
        inside = source.rows(span.begin * pool.SECOND, span.stop * pool.SECOND)
        first, known = source.targets.get(span.stop, (-1, None))
        if known is not None and first == inside.start and len(known) == inside.stop - inside.start:
            found[pair] = known
    return found
