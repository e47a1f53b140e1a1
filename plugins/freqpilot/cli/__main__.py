"""``python -m freqpilot.cli``."""

from freqpilot.cli import main

main()
