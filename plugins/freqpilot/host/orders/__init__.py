"""Orders to the exchange and back: sent once, found again, reconciled, halted."""
