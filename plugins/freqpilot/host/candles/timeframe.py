"""Timeframes in seconds."""

HOUR = 3_600
DAY = 86_400


def seconds(timeframe: str) -> int:
    """Return the length of a timeframe such as ``1h``, in seconds."""
    from freqtrade.exchange import timeframe_to_seconds

    return int(timeframe_to_seconds(timeframe))
