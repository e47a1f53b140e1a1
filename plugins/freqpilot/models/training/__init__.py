"""When models are fitted, in which process, and where their files are kept."""
