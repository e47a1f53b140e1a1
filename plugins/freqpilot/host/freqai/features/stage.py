"""FreqAI's features, expanded once for a pair and timeframe and shared by all that need them.

Freqtrade computes the features of a correlated pair again for every pair, merges a frame for every
period and shifts copies. Here a strategy's functions run once for the same candles; shifts and the
informative merge are one gather into one block. Names, order, types and values are Freqtrade's bit
by bit; where that cannot be promised, its own path runs and the debug log says why.

What is kept answers for the same candles, strategy object and parameters: what else a strategy's
functions read (an order book, a file) is read anew only with a new candle. For strategies that need
more, ``freqpilot.features.shared: false`` brings Freqtrade's own path back.
"""

import hashlib
import inspect
import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from freqpilot.host.freqai.columns import NARROW
from freqpilot.host.freqai.features.block import (
    BASE,
    Block,
    Expanded,
    Unfit,
    examine,
    expand,
    join,
    marks,
    rows_of,
)
from freqpilot.host.seams.freqtrade import Kitchen, Strategy
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

BUDGET = 512 * 1024**2
"""Most bytes that are kept."""
MANY = 20
"""Columns added one by one after which a frame is copied into few blocks, or pandas warns."""
FOLLOWED = "739af4f20ffa2cf197e903afca78b840fa30a25762b121b6381efc869030c2f3"
"""SHA-256 of the source of ``use_strategy_to_populate_indicators`` in Freqtrade 2026.9."""


class Store:
    """Least recently used values, bounded in bytes; threads may share it."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget, self.size = budget, 0
        self.hits, self.misses = 0, 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Any:
        """Return what was put under ``key``, or None."""
        with self._lock:
            if key not in self._kept:
                self.misses += 1
                return None
            self.hits += 1
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: object, size: int) -> None:
        """Keep ``value`` of ``size`` bytes, and forget the oldest that no longer fit."""
        with self._lock:
            if key in self._kept:
                self.size -= self._kept.pop(key)[1]
            if size > self.budget:
                return
            self._kept[key] = (value, size)
            self.size += size
            while self.size > self.budget:
                self.size -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.size = self.hits = self.misses = 0


store = Store()
_serials: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_unfit: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_serial = itertools.count()
_lock = threading.Lock()


def narrow(config: dict[str, Any]) -> bool:
    """Tell whether the model takes its features as float32, as the pack's do: FreqAI's copies of
    the frame then hold half."""
    return bool(config.get("internals", {}).get(NARROW))


def _strategy_key(strategy: Strategy) -> Hashable:
    """Return what tells this strategy, with its present parameters, from any other."""
    with _lock:
        serial = _serials.setdefault(strategy, next(_serial))
    found = getattr(strategy, "enumerate_parameters", None)
    parameters = [(name, repr(value.value)) for name, value in found()] if found else []
    return type(strategy), serial, tuple(parameters)


def _expanded(
    kitchen: Kitchen, strategy: Strategy, pair: str, timeframe: str, candles: pd.DataFrame
) -> tuple[Expanded, bytes]:
    """Return the features of ``candles``, kept ones if there are, and the digest of their dates."""
    examine(candles, "the frame of candles")
    section = kitchen.freqai_config["feature_parameters"]
    dates = candles["date"]
    alone, whole = marks(candles, candles.columns.tolist())
    key = (
        *(_strategy_key(strategy), pair, timeframe, repr(section)),
        *(dates.iloc[0], dates.iloc[-1], len(dates), whole),
    )
    found: Expanded | None = store.get(key)
    if found is None:
        if dates.hasnans or not dates.is_unique or not dates.is_monotonic_increasing:
            raise Unfit(f"the candles of {timeframe} are not in order")
        logger.debug("Populating features for %s %s", pair, timeframe)
        metadata = {"pair": pair, "tf": timeframe}
        try:
            found = expand(
                strategy,
                candles,
                metadata,
                section["indicator_periods_candles"],
                section["include_shifted_candles"],
            )
        except Unfit as reason:
            with _lock:
                _unfit[strategy] = str(reason)
            raise
        store.put(key, found, found.size)
    return found, alone


def populate(
    kitchen: Kitchen,
    dataframe: pd.DataFrame,
    pair: str,
    strategy: Strategy,
    fetch: Callable[[str], Any],
) -> pd.DataFrame:
    """Return ``dataframe`` with the features of ``pair`` in all timeframes beside its columns.

    :param fetch: gives the candles of a timeframe.
    :raises Unfit: when only Freqtrade's own path gives the same.
    """
    if strategy in _unfit:
        raise Unfit(_unfit[strategy])
    section = kitchen.freqai_config["feature_parameters"]
    timeframe, count = kitchen.config["timeframe"], len(dataframe)
    shifts = range(section["include_shifted_candles"] + 1)
    examine(dataframe, "the main frame")
    if not section.get("include_timeframes"):
        raise Unfit("there is no timeframe")
    main, _ = marks(dataframe, ())
    names: list[str] = dataframe.columns.tolist()
    blocks = {False: Block(np.float64), True: Block(np.float32)}
    small = narrow(kitchen.config)
    frames: list[pd.DataFrame] = []
    for tf in section["include_timeframes"]:
        candles = fetch(tf)
        expanded, digest = _expanded(kitchen, strategy, pair, tf, candles)
        key = (main, digest, timeframe, tf)
        rows = store.get(key)
        if rows is None:
            rows = rows_of(dataframe["date"], candles["date"], timeframe, tf)
            store.put(key, rows, rows.nbytes)
        suffix = f"{pair}_{tf}"
        moved = [name for name in expanded.names if name.startswith("%")]
        every = [*expanded.names, *(f"{n}_shift-{k}" for k in shifts[1:] for n in moved)]
        stay = join(names, [*BASE, *every], suffix)
        names += [f"{name}_{suffix}" for name in stay]
        kept = set(stay)
        for k in shifts:
            wanted = [
                name
                for name in (moved if k else expanded.names)
                if name in expanded.row and (f"{name}_shift-{k}" if k else name) in kept
            ]
            for name in wanted:
                shown = f"{name}_shift-{k}_{suffix}" if k else f"{name}_{suffix}"
                blocks[small and name.startswith("%")].add(expanded, rows, k, name, shown)
        if expanded.rest is not None:
            frames.append(_merge_rest(kitchen, dataframe, expanded.rest, tf, suffix, kept))
    left = dataframe.copy(deep=False)
    left.index = pd.RangeIndex(count)
    made = [block.frame(count) for block in blocks.values() if block.names]
    result = pd.concat([left, *made, *frames], axis=1)
    if not frames and len(made) <= 1:
        return result
    return result[names].copy()  # in few blocks, or a strategy that adds columns is warned


def _merge_rest(
    kitchen: Kitchen, main: pd.DataFrame, rest: pd.DataFrame, tf: str, suffix: str, kept: set[str]
) -> pd.DataFrame:
    """Merge columns that are no floats as Freqtrade does: filling gaps may change their type."""
    from freqtrade.strategy import merge_informative_pair

    columns = [name for name in rest.columns if name in kept]
    merged: pd.DataFrame = merge_informative_pair(
        pd.DataFrame({"date": main["date"].reset_index(drop=True)}),
        rest[["date", *columns]],
        kitchen.config["timeframe"],
        timeframe_inf=tf,
        append_timeframe=False,
        suffix=suffix,
        ffill=True,
    )
    return merged[[f"{name}_{suffix}" for name in columns]]


def _make_populate(original: Callable[..., Any]) -> Callable[..., Any]:
    def populate_features(
        self: Kitchen,
        dataframe: pd.DataFrame,
        pair: str,
        strategy: Strategy,
        corr_dataframes: dict[str, Any],
        base_dataframes: dict[str, Any],
        is_corr_pairs: bool = False,
    ) -> Any:
        def fetch(tf: str) -> Any:
            return self.get_pair_data_for_features(
                pair, tf, strategy, corr_dataframes, base_dataframes, is_corr_pairs
            )

        try:
            if not Settings.from_config(self.config).features.shared:
                raise Unfit("freqpilot.features.shared is false")
            return populate(self, dataframe, pair, strategy, fetch)
        except Unfit as reason:
            logger.debug("Features of %s take Freqtrade's own path: %s", pair, reason)
        return original(
            self, dataframe, pair, strategy, corr_dataframes, base_dataframes, is_corr_pairs
        )

    return populate_features


def _make_use(original: Callable[..., Any]) -> Callable[..., Any]:
    from freqtrade.strategy.interface import IStrategy

    def use_strategy_to_populate_indicators(
        self: Kitchen,
        strategy: Strategy,
        corr_dataframes: dict[str, Any] | None = None,
        base_dataframes: dict[str, Any] | None = None,
        pair: str = "",
        prediction_dataframe: pd.DataFrame | None = None,
        do_corr_pairs: bool = True,
    ) -> Any:
        """Freqtrade's steps, without its copies of the growing frame, which nothing else holds."""
        from freqtrade.data.converter import reduce_dataframe_footprint

        inherited = IStrategy.populate_any_indicators
        if getattr(type(strategy), "populate_any_indicators", None) is not inherited:
            return original(
                *(self, strategy, corr_dataframes, base_dataframes, pair),
                *(prediction_dataframe, do_corr_pairs),
            )
        others, own = corr_dataframes or {}, base_dataframes or {}
        section = self.freqai_config["feature_parameters"]
        pairs, timeframe = section.get("include_corr_pairlist", []), self.config["timeframe"]
        for tf in section.get("include_timeframes"):
            own.setdefault(tf, pd.DataFrame())
            for other in pairs:
                others.setdefault(other, {}).setdefault(tf, pd.DataFrame())
        if prediction_dataframe is not None and not prediction_dataframe.empty:
            own[timeframe] = prediction_dataframe.copy()
        dataframe = self.populate_features(own[timeframe].copy(), pair, strategy, others, own)
        metadata = {"pair": pair}
        width = dataframe.shape[1]
        dataframe = strategy.feature_engineering_standard(dataframe, metadata=metadata)
        if dataframe.shape[1] > width + MANY:
            dataframe = dataframe.copy()
        for other in pairs if do_corr_pairs else ():
            if other != pair:
                dataframe = self.populate_features(dataframe, other, strategy, others, own, True)
        if self.live:
            dataframe = strategy.set_freqai_targets(dataframe, metadata=metadata)
            dataframe = self.remove_special_chars_from_feature_names(dataframe)
            self.get_unique_classes_from_labels(dataframe)
        if self.config.get("reduce_df_footprint", False):
            dataframe = reduce_dataframe_footprint(dataframe)
        return dataframe

    return use_strategy_to_populate_indicators


def _make_use_where_known(original: Callable[..., Any]) -> Callable[..., Any]:
    if _follows(original):
        return _make_use(original)
    logger.debug("FreqAI's steps are others than the known ones: its copies stay")
    return original


def _follows(function: Callable[..., Any]) -> bool:
    """Tell whether ``function`` is the one whose steps :func:`_make_use` takes."""
    try:
        source = inspect.getsource(getattr(function, "__wrapped__", function))
    except OSError:
        return False
    return hashlib.sha256(source.encode()).hexdigest() == FOLLOWED


KITCHEN = "freqtrade.freqai.data_kitchen:FreqaiDataKitchen"
FRAMES = ["corr_dataframes", "base_dataframes", "is_corr_pairs"]
SEAMS = (
    Seam(
        "freqai.features",
        "compute FreqAI's features once for all pairs that need them",
        until="FreqAI keeps the features of a pair for the others",
        places=(
            Place(
                f"{KITCHEN}.populate_features",
                ["dataframe", "pair", "strategy", *FRAMES],
                _make_populate,
            ),
            Place(
                f"{KITCHEN}.use_strategy_to_populate_indicators",
                [
                    *("strategy", "corr_dataframes", "base_dataframes", "pair"),
                    *("prediction_dataframe", "do_corr_pairs"),
                ],
                _make_use_where_known,
            ),
            Place(f"{KITCHEN}.get_pair_data_for_features", ["pair", "tf", "strategy", *FRAMES]),
            Place(f"{KITCHEN}.merge_features", ["df_main", "df_to_merge", "tf", "suffix"]),
            Place(
                "freqtrade.strategy.strategy_helper:merge_informative_pair",
                ["ffill", "append_timeframe", "suffix"],
            ),
        ),
    ),
)
