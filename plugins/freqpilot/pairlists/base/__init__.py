"""What several pairlists share. Freqtrade looks for pairlists one folder above, not in here."""
