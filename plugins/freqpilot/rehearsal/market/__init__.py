"""The market of a rehearsal: candles, the price within them, answers about it."""
