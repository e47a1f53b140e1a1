"""A graph as lines of numbers: each step once, behind what it reads."""

import numpy as np

from candle_source import candles
from freqpilot.features.bank.library import FEATURES
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.engine.graph import CLOSE, HIGH, INPUTS, OPEN, Op, difference, ewm, node
from freqpilot.features.engine.layout import FIRST, INPUT, LAG, MOST_INPUTS, OP, SIZE
from freqpilot.features.engine.program import compile_graph


def test_each_step_stands_once_behind_what_it_reads() -> None:
    program = compile_graph([each.node for each in FEATURES.values()])
    written = set(range(len(INPUTS)))
    for line in program.code:
        assert set(line[INPUT : INPUT + MOST_INPUTS].tolist()) <= written
        series = set(range(line[FIRST], line[FIRST] + line[SIZE]))
        assert not series & written
        written |= series
    assert len(written) == len(program.history)
    assert set(program.outputs.tolist()) <= written


def test_a_step_without_further_inputs_reads_its_first_again() -> None:
    mean = ewm(CLOSE, 0.5, 3)
    program = compile_graph([mean, difference(mean, 4), mean])
    assert program.code[:, OP].tolist() == [Op.EWM, Op.SUB]
    assert program.outputs[0] == program.outputs[2] == program.code[0, FIRST]
    assert program.code[0, INPUT : INPUT + MOST_INPUTS].tolist() == [INPUTS.index("close")] * 8
    assert program.code[1, LAG : LAG + 2].tolist() == [0, 4]
    assert program.history[program.outputs[0]] == 4
    assert program.used == tuple(name == "close" for name in INPUTS)


def test_every_input_of_a_step_can_lag() -> None:
    c = candles(1, 50)
    shifted = node(Op.SUB, (CLOSE, OPEN), (2, 1))
    joined = node(Op.COMOMENT, (CLOSE, OPEN, HIGH, OPEN, CLOSE, HIGH), (3, 0, 1, 2, 3, 4), (0.5,))
    ours = evaluate([shifted, joined], c)
    np.testing.assert_array_equal(ours[0, 2:], c.close[:-2] - c.open[1:-1])
    now = np.arange(4, 50)
    apart = (c.high[now - 1] - c.open[now - 2]) * (c.close[now - 3] - c.high[now - 4])
    np.testing.assert_array_equal(ours[1, 4:], c.close[now - 3] + c.open[now] + apart * 0.5)
