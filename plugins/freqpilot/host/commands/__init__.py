"""What commands and the doctor ask of Freqtrade."""
