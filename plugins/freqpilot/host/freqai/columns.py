"""The columns that FreqAI's frames share with the decision."""

LABEL = "&-barrier"

NAMES = {-1: "down", 0: "flat", 1: "up"}
"""Column names of the class probabilities, in the words FreqAI shows."""

REASONS = "model_reasons"
"""Column of a forecast's reasons in words, empty where it is neutral."""

NARROW = "freqpilot_narrow"
"""Key of ``config["internals"]``, where a model asks for features of float32."""
