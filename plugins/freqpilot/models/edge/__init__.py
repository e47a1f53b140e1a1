"""Whether forecasts were worth something lately."""
