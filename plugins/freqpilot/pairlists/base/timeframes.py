"""Timeframes that a user writes into the options of a pairlist."""

from freqtrade.exceptions import ConfigurationError
from freqtrade.exchange import timeframe_to_seconds


def seconds_of(timeframe: str, owner: str) -> int:
    """Return how long a candle is, in seconds.

    :param owner: the name of the pairlist whose option it is, for the message.
    :raises ConfigurationError: when the exchange library does not know such a timeframe.
    """
    try:
        return int(timeframe_to_seconds(timeframe))
    except Exception:  # ccxt raises several kinds
        raise ConfigurationError(
            f"{owner} does not understand timeframe {timeframe!r}; write it as 15m, 1h or 1d. "
            "Nothing is started and open trades are untouched; please change the timeframe in "
            "pairlists in your config."
        ) from None
