"""Everything about facts by one command: ``python -m benchmarks facts --json``."""

import sys

from benchmarks.facts.parts import main

if __name__ == "__main__":
    sys.exit(main())
