"""Stops, targets and times at which a position is left."""
