"""A machine's buffers hold the candles of one run alone."""

import numpy as np

from candle_source import candles
from freqpilot.features.bank.indicators import IndicatorBank


def test_a_bank_forgets_the_candles_before() -> None:
    names = ("ema_50", "mfi_14", "adx_14", "correlation_30", "highest_30", "skew_48")
    bank = IndicatorBank(names)
    for seed, length, mutation in ((1, 900, "random"), (2, 40, "nan"), (3, 1_700, "gap")):
        c = candles(seed, length, mutation)
        fresh = IndicatorBank(names).compute(c).values
        np.testing.assert_array_equal(bank.compute(c).values, fresh)
