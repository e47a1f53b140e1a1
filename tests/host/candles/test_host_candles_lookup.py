"""A row of the last closed candle."""

import pandas as pd
from slot_stage import HOUR, NOW

from freqpilot.host.candles.lookup import Lookup


def test_a_row_is_the_last_closed_candle() -> None:
    dates = pd.date_range(NOW - 3 * HOUR, NOW, freq="1h")
    lookup = Lookup(("target",), HOUR)
    lookup.fill("A", pd.DataFrame({"date": dates, "target": [1.0, 2, 3, 4]}))
    found = [lookup.row("A", NOW + shift) for shift in (-2 * HOUR, HOUR / 2, HOUR, 9 * HOUR)]
    assert [None if row is None else float(row[0]) for row in found] == [1, 3, 4, 4]
    assert lookup.row("A", NOW - 3 * HOUR) is None
    assert lookup.row("B", NOW) is None
