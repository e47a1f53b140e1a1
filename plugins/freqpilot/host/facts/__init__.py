"""Facts from outside as columns of Freqtrade's frames."""
