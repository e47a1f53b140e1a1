"""Features, indicators and labels as columns of Freqtrade's frames."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from freqpilot.features.bank.indicators import IndicatorBank
from freqpilot.features.bank.library import CORE, FeatureBank, market_features
from freqpilot.features.candles.candlesticks import candle_patterns
from freqpilot.features.candles.frames import candles_from_frame, utc_dates, with_market
from freqpilot.features.labels.targets import triple_barrier
from freqpilot.host.freqai.columns import LABEL, NAMES
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles


def add_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` with the bank's columns, named as FreqAI wants its features (``%-name``)."""
    return _with_features(frame, FeatureBank(CORE), candles_from_frame(frame))


def add_market_features(frame: pd.DataFrame, reference_frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` with the features against a reference pair (``%-beta_60`` and others).

    Candles are joined by ``date`` exactly; where the reference has none, the columns are NaN for as
    long as it is in their window, and FreqAI neither trains on such a row nor predicts it.

    :param reference_frame: the candles of BTC/<stake>, say, of the same timeframe, as
        ``self.dp.get_pair_dataframe`` gives them.
    :raises ValueError: when it is of another timeframe.
    """
    candles = with_market(candles_from_frame(frame), candles_from_frame(reference_frame))
    return _with_features(frame, FeatureBank(market_features()), candles)


def _with_features(frame: pd.DataFrame, bank: FeatureBank, candles: Candles) -> pd.DataFrame:
    features = bank.compute(candles)
    columns = {f"%-{name}": features.column(name) for name in features.names}
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def add_indicators(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return ``frame`` with indicators by name, as ``["ema_21", "rsi_14", "macd_12_26"]``.

    A column is NaN until it no longer depends on where the candles begin, so the strategy's
    ``startup_candle_count`` has to be ``IndicatorBank(names).startup`` or more.

    :raises KeyError: for a name that is no indicator, with those there are.
    """
    bank = IndicatorBank(names).compute(candles_from_frame(frame))
    columns = {name: bank.column(name) for name in bank.names}
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def add_candle_patterns(frame: pd.DataFrame, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return ``frame`` with TA-Lib's candle patterns by name, as ``["engulfing", "doji"]`` (all 61
    by default), named ``cdl_engulfing``.

    :raises KeyError: for an unknown name, with those there are.
    """
    found = candle_patterns(candles_from_frame(frame), names)
    columns = {f"cdl_{name}": found.column(name) for name in found.names}
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def add_calendar(frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` with hour of day and day of week (UTC) as points on a circle."""
    dates = utc_dates(frame).dt
    day = 2 * np.pi * dates.hour / 24
    week = 2 * np.pi * dates.day_of_week / 7
    return frame.assign(
        **{
            "%-hour_sin": np.sin(day),
            "%-hour_cos": np.cos(day),
            "%-weekday_sin": np.sin(week),
            "%-weekday_cos": np.cos(week),
        }
    )


def add_labels(frame: pd.DataFrame, settings: LabelSettings) -> pd.DataFrame:
    """Return ``frame`` with the triple-barrier class in words, missing where it is not known."""
    barrier = triple_barrier(candles_from_frame(frame), settings)
    words = np.array([NAMES[-1], NAMES[0], NAMES[1]], dtype=object)[barrier.label + 1]
    words[~barrier.known] = None
    return frame.assign(**{LABEL: pd.Series(words, index=frame.index, dtype="object")})
