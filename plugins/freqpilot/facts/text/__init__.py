"""Headlines and posts as numbers: what they are about, how they sound, how much is written."""
