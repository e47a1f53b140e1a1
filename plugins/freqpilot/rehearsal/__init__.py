"""A stand-in exchange on loopback, and the real Freqtrade rehearsing against it.

Markets are recorded candles or an invented, seeded one; results on an invented market are marked
SYNTHETIC and say nothing about profit.
"""
