"""A rehearsal beside a backtest of the same candles."""
