"""What a run leaves behind, read back: trades, equity, signals, costs, and the report of them."""
