"""What goes wrong in a rehearsal: single requests, and incidents that last."""
