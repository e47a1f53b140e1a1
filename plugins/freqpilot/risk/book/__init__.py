"""The open positions taken together: clusters, value at risk, stress."""
