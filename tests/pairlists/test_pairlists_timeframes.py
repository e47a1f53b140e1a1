"""A timeframe that a pairlist was given, in seconds or refused with the pairlist's name."""

import pytest
from freqtrade.exceptions import ConfigurationError

from freqpilot.pairlists.base.timeframes import seconds_of


@pytest.mark.parametrize(
    ("timeframe", "seconds"), [("5m", 300), ("1h", 3_600), ("1d", 86_400), ("1w", 604_800)]
)
def test_the_length_of_a_candle(timeframe: str, seconds: int) -> None:
    assert seconds_of(timeframe, "RegimeFilter") == seconds


@pytest.mark.parametrize("timeframe", ["3x", "h", "hourly", ""])
def test_what_is_no_timeframe_is_refused(timeframe: str) -> None:
    text = f"^RegimeFilter does not understand timeframe '{timeframe}'; write it as 15m, 1h or 1d"
    with pytest.raises(ConfigurationError, match=text):
        seconds_of(timeframe, "RegimeFilter")
