"""What faults, crashes and mutants do to an account."""
