"""Series share buffers one after another, and never meet in one."""

import numpy as np

from candle_source import candles
from freqpilot.features.bank.indicators import IndicatorBank
from freqpilot.features.bank.library import FEATURES, FeatureBank
from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import FIRST, GROUP, INPUT, OP
from freqpilot.shapes import Ints

NAMES = (
    "stochastic_d_14_3_3",
    "mfi_14",
    "correlation_20",
    "correlation_31",
    "total_30@volume",
    "ultimate_7_14_28",
    "highest_30",
    "williams_14",
    "deviation_20",
    "macd_histogram_12_26_9",
    "tema_20",
    "chaikin_3_10",
    "adx_14",
    "rsi_14",
)


def test_columns_together_are_the_columns_alone() -> None:
    c = candles(3, 1_500)
    bank = FeatureBank()
    assert bank.program.series < len(bank.program.history) / 1.5
    frame = bank.compute(c)
    for name in bank.names:
        alone = FeatureBank([name]).compute(c).column(name)
        np.testing.assert_array_equal(frame.column(name), alone, err_msg=name)
    matrix = IndicatorBank(NAMES).compute(c)
    for name in NAMES:
        alone = IndicatorBank([name]).compute(c).column(name)
        np.testing.assert_array_equal(matrix.column(name), alone, err_msg=name)


def test_what_later_rows_look_back_at_shares_no_buffer() -> None:
    program = FeatureBank(tuple(FEATURES)).program
    owners = [program.slots.tolist().count(slot) for slot in program.slots[program.history > 0]]
    assert set(owners) == {1}
    assert len({*program.slots[program.outputs].tolist()}) == len({*program.outputs.tolist()})


def test_exponential_means_side_by_side_write_what_none_of_them_reads() -> None:
    program = IndicatorBank([f"rsi_{n}" for n in range(5, 30, 3)]).program
    groups: dict[int, list[Ints]] = {}
    for line in program.code[program.code[:, OP] == Op.EWM]:
        groups.setdefault(int(line[GROUP]), []).append(line)
    assert max(map(len, groups.values())) > 8
    for lines in groups.values():
        read = {int(program.slots[line[INPUT]]) for line in lines}
        assert not read & {int(program.slots[line[FIRST]]) for line in lines}
