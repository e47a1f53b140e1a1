"""One model of all pairs together."""
