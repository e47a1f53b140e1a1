"""FreqAI's training: its order, its process, its files."""
