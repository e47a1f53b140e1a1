"""Candles to numbers: kernels, the feature bank, labels and purged splits. Pure."""
