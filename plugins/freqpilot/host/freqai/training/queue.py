"""Pairs that a pairlist brings later are trained too.

FreqAI's queue and its history hold the pairs of the config's whitelist alone: another pair has no
candles to train on, raises at each of its own, and is never asked for; one that left the whitelist
for a while is struck from the queue for good, and when it comes back the gap in its history stops
the analysis. Here each pair of the current whitelist joins the queue when it is first analysed,
its history begins with the bot's own candles, and the training thread fetches the older ones.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

import pandas as pd

from freqpilot.errors import Degraded
from freqpilot.host.candles.files import read_candles
from freqpilot.host.seams.freqtrade import (
    AiModel,
    DataProvider,
    Drawer,
    Kitchen,
    Strategy,
    TimeRange,
)
from freqpilot.host.seams.seam import Place, Seam

logger = logging.getLogger(__name__)

FETCHED = "freqpilot_fetched"
"""FreqAI's drawer holds under this name from when on (s) the history of each pair was asked for."""


def admit(queue: deque[str], pair: str, whitelist: Collection[str]) -> bool:
    """Put a pair of the whitelist that is not in ``queue`` behind its head, which may be in
    training and is rotated away after it; returns whether it was put there."""
    if pair in queue or pair not in whitelist:
        return False
    queue.insert(1, pair)
    return True


def seed(
    drawer: Drawer, dp: DataProvider, pairs: Collection[str], timeframes: Collection[str]
) -> None:
    """Begin the history of each of ``pairs`` that has none with the candles the bot has."""
    history = drawer.historic_data
    for pair in pairs:
        for timeframe in timeframes:
            known = history.setdefault(pair, {}).get(timeframe)
            if known is None or not len(known):
                history[pair][timeframe] = _candles(dp, pair, timeframe)
                _fetched(drawer).pop(pair, None)


def renew(
    drawer: Drawer, dp: DataProvider, pairs: Collection[str], timeframes: Collection[str]
) -> None:
    """Begin anew the histories that end before the bot's candles do begin."""
    for pair in pairs:
        for timeframe in timeframes:
            known, seen = drawer.historic_data[pair][timeframe], _candles(dp, pair, timeframe)
            if len(known) and len(seen) and known["date"].iloc[-1] < seen["date"].iloc[0]:
                logger.info("%s %s: its history has a gap and is fetched anew", pair, timeframe)
                drawer.historic_data[pair][timeframe] = seen
                _fetched(drawer).pop(pair, None)


def deepen(model: AiModel, dp: DataProvider, pair: str, begin: int) -> None:
    """Fetch the candles of ``pair`` from ``begin`` (s since the epoch) on that its history lacks.

    Blocks while it downloads: call it in the training thread. What was asked for once is not asked
    for again, as a coin may not have been listed yet.

    :raises Degraded: when the exchange does not answer.
    """
    drawer, config = model.dd, model.config
    listed = config.get("exchange", {}).get("pair_whitelist", [])
    timeframes = model.freqai_info["feature_parameters"]["include_timeframes"]
    asked = _fetched(drawer).get(pair)
    if pair in listed or (asked is not None and asked <= begin):
        return
    if all(_reaches(drawer.historic_data[pair][timeframe], begin) for timeframe in timeframes):
        return
    for prepend in (False, True):
        try:
            _download(dp, {**config, "pairs": [pair], "prepend_data": prepend})
        except Exception as error:
            raise Degraded(
                f"{pair}: the candles to train on could not be fetched ({error}), so it has no "
                "model and no entry by it; open trades keep their stops; it is tried again"
            ) from error
        older = {timeframe: _read(config, pair, timeframe, begin) for timeframe in timeframes}
        if all(_reaches(frame, begin) for frame in older.values()):
            break
    with drawer.history_lock:
        for timeframe, frame in older.items():
            own = drawer.historic_data[pair][timeframe]
            before = frame[frame["date"] < own["date"].iloc[0]] if len(own) else frame
            whole = pd.concat([before, own], ignore_index=True)
            drawer.historic_data[pair][timeframe] = whole
    _fetched(drawer)[pair] = begin


def _download(dp: DataProvider, config: dict[str, Any]) -> None:
    from freqtrade.freqai.utils import download_all_data_for_training

    download_all_data_for_training(dp, config)


def _read(config: dict[str, Any], pair: str, timeframe: str, begin: int) -> pd.DataFrame:
    return read_candles(
        config["datadir"],
        pair,
        timeframe,
        config.get("candle_type_def", "spot"),
        form=config.get("dataformat_ohlcv", "feather"),
        period=(begin, 0),
        fill=True,
    )


def _reaches(frame: pd.DataFrame, begin: int) -> bool:
    """Tell whether candles begin at ``begin``, or two of them later."""
    if len(frame) < 2:
        return False
    step = frame["date"].iloc[1] - frame["date"].iloc[0]
    return bool(frame["date"].iloc[0] <= pd.Timestamp(begin, unit="s", tz="UTC") + 2 * step)


def _candles(dp: DataProvider, pair: str, timeframe: str) -> pd.DataFrame:
    return pd.DataFrame(dp.get_pair_dataframe(pair, timeframe)).reset_index(drop=True)


def _fetched(drawer: Drawer) -> dict[str, int]:
    found: dict[str, int] = drawer.__dict__.setdefault(FETCHED, {})
    return found


def _make_pairs(original: Callable[..., Any]) -> Callable[..., Any]:
    def set_all_pairs(self: Kitchen) -> None:
        original(self)
        if self.live and self.pair and self.pair not in self.all_pairs:
            self.all_pairs.append(self.pair)

    return set_all_pairs


def _make_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update_historic_data(self: Drawer, strategy: Strategy, dk: Kitchen) -> Any:
        from freqtrade.exceptions import OperationalException

        timeframes = self.freqai_info["feature_parameters"]["include_timeframes"]
        with self.history_lock:
            seed(self, strategy.dp, dk.all_pairs, timeframes)
        try:
            return original(self, strategy, dk)
        except OperationalException:
            with self.history_lock:
                renew(self, strategy.dp, dk.all_pairs, timeframes)
            return original(self, strategy, dk)

    return update_historic_data


def _make_start(original: Callable[..., Any]) -> Callable[..., Any]:
    def start_live(
        self: AiModel,
        dataframe: pd.DataFrame,
        metadata: dict[str, str],
        strategy: Strategy,
        dk: Kitchen,
    ) -> Any:
        pair = metadata["pair"]
        if admit(self.train_queue, pair, strategy.dp.current_whitelist()):
            logger.info("%s joins the training queue", pair)
        return original(self, dataframe, metadata, strategy, dk)

    return start_live


def _make_extract(original: Callable[..., Any]) -> Callable[..., Any]:
    def extract_data_and_train_model(
        self: AiModel,
        new_trained_timerange: object,
        pair: str,
        strategy: Strategy,
        dk: Kitchen,
        data_load_timerange: TimeRange,
    ) -> Any:
        deepen(self, strategy.dp, pair, int(data_load_timerange.startts))
        return original(self, new_trained_timerange, pair, strategy, dk, data_load_timerange)

    return extract_data_and_train_model


MODEL = "freqtrade.freqai.freqai_interface:IFreqaiModel"
WINDOW = ["new_trained_timerange", "pair", "strategy", "dk", "data_load_timerange"]
SEAMS = (
    Seam(
        "freqai.queue",
        "train the pairs that a pairlist brings while the bot runs",
        until="FreqAI follows the pairlist",
        places=(
            Place(
                "freqtrade.freqai.data_kitchen:FreqaiDataKitchen.set_all_pairs", make=_make_pairs
            ),
            Place(
                "freqtrade.freqai.data_drawer:FreqaiDataDrawer.update_historic_data",
                ["strategy", "dk"],
                _make_update,
            ),
            Place(f"{MODEL}.start_live", ["dataframe", "metadata", "strategy", "dk"], _make_start),
            Place(f"{MODEL}.extract_data_and_train_model", WINDOW, _make_extract),
            Place("freqtrade.freqai.utils:download_all_data_for_training", ["dp", "config"]),
        ),
    ),
)
