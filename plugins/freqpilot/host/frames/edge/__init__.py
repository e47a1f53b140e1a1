"""Whether a model's forecasts still come true, and what that does to its weight."""
