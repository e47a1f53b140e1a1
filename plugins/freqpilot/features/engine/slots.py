"""Which buffer each series of a program takes."""

import numpy as np

from freqpilot.features.engine.graph import INPUTS, Op
from freqpilot.features.engine.layout import FIRST, GROUP, INPUT, MOST_INPUTS, OP, SIZE
from freqpilot.shapes import Ints


def slots_of(code: Ints, outputs: Ints, history: Ints) -> Ints:
    """Return which buffer each series takes: one that no later row looks back at gives its own on
    to a series that is computed when it has been read for the last time."""
    count, steps = len(history), len(code)
    # Exponential means of one group run side by side: what one writes none of them may still read.
    together = np.arange(steps)
    for k in range(1, steps):
        if code[k, OP] == code[k - 1, OP] == Op.EWM and code[k, GROUP] == code[k - 1, GROUP]:
            together[k] = together[k - 1]
    last = np.full(count, -1)
    for k in range(steps):
        last[code[k, INPUT : INPUT + MOST_INPUTS]] = together[k]
    last[outputs] = steps
    slots = np.arange(count)
    free: list[int] = []
    held: list[int] = []
    taken = len(INPUTS)
    for k in range(steps):
        if together[k] == k:
            free += [int(slots[each]) for each in held if last[each] < k]
            held = [each for each in held if last[each] >= k]
        for each in range(code[k, FIRST], code[k, FIRST] + code[k, SIZE]):
            if history[each] == 0 and free:
                slots[each] = free.pop()
            else:
                slots[each], taken = taken, taken + 1
            if history[each] == 0:
                held.append(each)
    return slots
