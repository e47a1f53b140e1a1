"""Freqtrade's frames with decisions: columns in, columns out."""
