"""The compiled machine that runs a graph of steps over candles."""
