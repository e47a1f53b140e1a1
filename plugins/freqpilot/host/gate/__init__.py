"""What stands before every order that raises risk, live and in the backtester."""
