"""People and all of it: what is counted and shown of a running bot."""
