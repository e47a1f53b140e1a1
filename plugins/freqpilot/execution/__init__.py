"""Sizes become orders here: names that make an order recognisable, and what was meant by it."""
