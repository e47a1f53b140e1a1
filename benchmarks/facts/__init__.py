"""Facts from the world outside: sources, joins and texts."""
