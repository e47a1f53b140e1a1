"""Accounts and orders of the stand-in exchange: what it fills, owes and charges."""
