"""What a person must hear of: events, kept and sent by Freqtrade's own channels."""
