"""What is too old to decide on."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.risk.market.staleness import Freshness, staleness

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
LIMIT = timedelta(minutes=30)
TICK = timedelta(microseconds=1)
EDGE, OLD = NOW - LIMIT, NOW - LIMIT - TICK
SILENT = "the model has said nothing of the newest candle or has expired"


def closed(minutes: int, name: str = "closed") -> str:
    return f"the newest {name} candle opened {minutes} minutes ago, limit 30"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Freshness(NOW, NOW), None),
        (Freshness(EDGE, EDGE), None),  # exactly as old as it may be
        (Freshness(OLD, NOW), closed(30)),
        (Freshness(NOW, OLD), closed(30, "analysed")),
        (Freshness(NOW - 2 * LIMIT, NOW - 3 * LIMIT), closed(60)),
        (Freshness(None, NOW), "there is no closed candle"),
        (Freshness(NOW, None), "there is no analysed candle"),
        (Freshness(NOW, NOW, 1.0), None),
        (Freshness(NOW, NOW, 0.0), None),  # it says that it does not know: the model's own matter
        (Freshness(NOW, NOW, -2.0), None),
        (Freshness(NOW, NOW, 2.0), SILENT),
        (Freshness(NOW, NOW, -3.0), SILENT),
        (Freshness(NOW, NOW, 3.0), None),
        (Freshness(NOW, NOW, math.nan), SILENT),
        (Freshness(OLD, NOW, math.nan), closed(30)),  # candles come first
    ],
)
def test_what_is_too_old(seen: Freshness, words: str | None) -> None:
    assert staleness(seen, NOW, LIMIT) == words
