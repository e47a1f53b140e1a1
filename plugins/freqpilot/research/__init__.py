"""From memory to better: statistics that say how much a backtest proves."""
