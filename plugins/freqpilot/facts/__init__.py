"""The world outside as numbers: what was known of it at each time, and in which version."""
