"""Timeframes in seconds."""

from freqpilot.host.candles.timeframe import DAY, HOUR, seconds


def test_a_timeframe_is_its_seconds() -> None:
    assert seconds("5m") == 300
    assert seconds("1h") == HOUR == 3_600
    assert seconds("1d") == DAY == 24 * HOUR
