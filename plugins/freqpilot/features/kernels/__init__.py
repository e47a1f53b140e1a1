"""Compiled functions over windows and candles."""
