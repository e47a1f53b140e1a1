"""Which pairs: one pairlist handler a file, found by Freqtrade's resolver by its path."""
