"""The bot of a rehearsal: its process, its steps in virtual time, its ends."""
