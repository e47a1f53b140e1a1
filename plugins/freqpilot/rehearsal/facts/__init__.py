"""An invented world of facts, and the server that answers for its sources."""
