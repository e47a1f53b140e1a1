"""The trend baseline on real candles, in the library."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PERIODS = (("2018-06-01", "2021-01-01"), ("2021-01-01", "2025-01-01"))


@pytest.fixture
def baseline(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.worth import trend_lines

    return trend_lines


def test_the_library_reproduces_the_published_lines(realdata: Path, baseline: Any) -> None:
    folder = realdata / "candles" / "binance"
    pairs = [
        file.name.removesuffix("-1h.feather").replace("_", "/")
        for file in sorted(folder.glob("*_USDT-1h.feather"))
    ]
    found = baseline.lines(baseline.panel(folder, pairs), PERIODS, 0.001)
    for name, key in (("long and short", "sharpe"), ("long only", "log_sharpe")):
        for row, published in zip(found[name], baseline.PUBLISHED[name], strict=True):
            assert abs(row[key] - published[0]) <= 0.15, (name, row)
    for row in found["long only"]:
        assert row["sharpe"] > row["log_sharpe"] + 0.2, "log returns are less than money"
        assert row["turnover"] < 7
