"""How much an entry may stake, and whether it may be sent at all."""
