"""How the code of a program is laid out: a line for each step, with these columns."""

OP, FIRST, STATE, PARAMS, PARAM_COUNT, SIZE = range(6)
"""The operation, the first series that it writes, where its state and its parameters begin, how
many parameters it has, and how many series it writes."""
INPUT, MOST_INPUTS = 6, 8
"""The first of the columns that name the series of the inputs, and how many there are."""
LAG = INPUT + MOST_INPUTS
"""The first of the columns that say how many rows the step looks back at, one for each input."""
GROUP = LAG + MOST_INPUTS
"""Exponential means of one group do not read one another."""
COLUMNS = GROUP + 1
