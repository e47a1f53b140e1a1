"""Labels of what comes after a candle, and how a window of them is split."""
