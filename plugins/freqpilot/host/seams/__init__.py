"""Where Freqpilot meets Freqtrade: what a seam is, and how all of them are put in place."""
