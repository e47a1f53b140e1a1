"""What forecasts and strategies are worth on real candles."""
