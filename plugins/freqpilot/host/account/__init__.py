"""The account as the supervisor sees it: equity, positions, flows, and their store."""
