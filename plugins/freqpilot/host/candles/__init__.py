"""Candles and order books as Freqtrade has them, live and in a backtest."""
