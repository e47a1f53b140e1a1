"""A forecast's reasons are the features that moved it most, in words."""

import numpy as np
import pytest

from freqpilot.models.base.reasons import plain, words


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("%-rsi_14_gen_BTC/USDT_1h", "rsi 14, of BTC/USDT 1h"),
        ("%-rsi_14_gen_shift-1_BTC/USDT_1h", "rsi 14, 1 candle before, of BTC/USDT 1h"),
        ("%-rsi_14_gen_shift-2_BTC/USDT:USDT_4h", "rsi 14, 2 candles before, of BTC/USDT:USDT 4h"),
        ("%-hour_sin", "hour sin"),
        ("close", "close"),
    ],
)
def test_names_lose_the_marks_of_freqai(name: str, text: str) -> None:
    assert plain(name) == text


def test_the_largest_come_first_with_their_values_and_signs() -> None:
    x = np.array([[71.2, 0.5, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]], np.float32)
    leaning = np.array([[0.1, -0.3, 0.02, 0.001], [0.0, 0.005, np.nan, 0.0]])
    first, second = words(["%-a", "%-b_c", "%-d", "%-e"], x, leaning)
    assert first == "b c at 0.5 (-0.30), a at 71.2 (+0.10), d at 3 (+0.02)"
    assert second == "", "nothing below the least, nor a missing figure, is a reason"
    assert words(["%-a", "%-b_c", "%-d", "%-e"], x, leaning, top=1)[0].count("at") == 1
