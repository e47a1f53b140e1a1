"""What strategies do between a decision and an order: stakes, exits, couples, sleeves."""
