"""The trend baseline on real candles, in the library."""

from pathlib import Path

from benchmarks.support.candles import pairs_in
from benchmarks.worth import trend_lines

PERIODS = (("2018-06-01", "2021-01-01"), ("2021-01-01", "2025-01-01"))


def test_the_library_reproduces_the_published_lines(realdata: Path) -> None:
    folder = realdata / "candles" / "binance"
    found = trend_lines.lines(trend_lines.panel(folder, pairs_in(folder)), PERIODS, 0.001)
    for name, key in (("long and short", "sharpe"), ("long only", "log_sharpe")):
        for row, published in zip(found[name], trend_lines.PUBLISHED[name], strict=True):
            assert abs(row[key] - published[0]) <= 0.15, (name, row)
    for row in found["long only"]:
        assert row["sharpe"] > row["log_sharpe"] + 0.2, "log returns are less than money"
        assert row["turnover"] < 7
