"""What is rehearsed: options, the run's folder, the config overlay, the period."""
