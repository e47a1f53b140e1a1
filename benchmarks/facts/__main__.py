"""Everything about facts by one command: ``python -m benchmarks facts --json``."""

from benchmarks.facts.parts import main

if __name__ == "__main__":
    main()
