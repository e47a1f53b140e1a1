"""The strategies' section: every figure in its place, missing ones as dashes, and its markers."""

from typing import Any

import pytest

from benchmarks.worth.strategies_page import BEGIN, END, section

ROW = {"sharpe": 1.234, "return_a_year": 0.2, "max_drawdown": 0.31, "turnover": 5.0}
RUN = ROW | {"trades": 12, "win_rate": 0.5, "halts": 3}
LINE = ((1.0, 0.2, -0.3, 5.0), (0.9, 0.1, -0.4, None))


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "synthetic": False,
        "periods": [["2018-06-01", "2021-01-01"], ["2021-01-01", "2025-01-01"]],
        "pairs": ["A/USDT", "B/USDT"],
        "fee": 0.001,
        "figures": {
            "TrendFollowing": {"alone": [RUN, RUN], "supervised": [RUN, RUN]},
            "Breakout": {"alone": [RUN, RUN | {"sharpe": float("nan")}]},
        },
        "held": [ROW, ROW],
        "library": {"long only": [ROW | {"log_sharpe": 1.05}, ROW | {"log_sharpe": 0.95}]},
        "published": {"long only": LINE},
        "checks": {"library_long_only_by_log_sharpe": True, "backtest_is_the_library": False},
        "overhead": {"Empty": 10.0, "Breakout": 25.0},
        "overhead_days": 365,
        "versions": {"freqpilot": "x", "freqtrade": "y"},
        "data_digest": "0",
    }


def test_the_section(document: dict[str, Any]) -> None:
    text = section(document)
    assert text.startswith(BEGIN)
    assert text.endswith(f"{END}\n")
    assert "SYNTHETIC" not in text
    row = "| 1.23 | 20.0 % | 31.0 % | 5.00× | 12 | 50.0 % | {} |"
    assert text.count("| TrendFollowing | off " + row.format("")) == 2
    assert text.count("| TrendFollowing | on " + row.format("3")) == 2
    assert "| Breakout | off | – | 20.0 %" in text
    assert "| long only | 2018-06-01 | 1.23 | 1.05 | 1.00 |" in text
    assert "backtest is the library **does not hold**" in text
    assert "| Breakout | 25.0 | 2.5× |" in text
    document["synthetic"] = True
    assert "SYNTHETIC" in section(document)


def test_without_published_lines_their_columns_are_empty(document: dict[str, Any]) -> None:
    """As for a period that is not theirs."""
    text = section(document | {"published": {}})
    assert "as published" not in text
    assert (
        "| long only | 2018-06-01 | 1.23 | 1.05 | – | 20.0 % | – | 31.0 % | – | 5.00× |  |" in text
    )
