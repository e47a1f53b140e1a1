"""Numbers to forecasts."""
