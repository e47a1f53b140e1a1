"""Freqpilot's models as FreqAI wants them."""
