"""One run of the bot or of a backtest: settings, ledger, store, what it can see."""
