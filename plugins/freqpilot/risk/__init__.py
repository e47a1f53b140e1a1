"""From opinions to sizes: limits, sizing, stops and the equity ledger. Pure Python, no clock."""
