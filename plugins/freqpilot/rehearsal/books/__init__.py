"""What an account must show after each loop, and what it must never do."""
