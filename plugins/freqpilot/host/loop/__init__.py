"""The bot's loop and the backtester's, as Freqpilot follows them."""
