"""Memecoins: which are candidates, and what must be known of one before it is bought."""
