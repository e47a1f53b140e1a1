"""Lists the benchmarks, and runs one by its name: ``python -m benchmarks NAME …``."""

import ast
import runpy
import sys
from pathlib import Path

from freqpilot.errors import FreqpilotError

HERE = Path(__file__).parent
ROOMS = {
    "speed": "how fast it is, beside others",
    "worth": "what forecasts and strategies are worth on real candles",
    "safety": "what faults, crashes and mutants do to an account",
    "facts": "facts from the world outside",
}
"""Folders of benchmarks, in the order in which they are listed; ``support`` holds what they
share."""
GUARD = 'if __name__ == "__main__":'


def benchmarks() -> dict[str, Path]:
    """Return the file of each benchmark by its name: one that can be run is one.

    What has the name of its folder is that folder's ``__main__.py``.
    """
    found = {}
    for room in ROOMS:
        for file in sorted((HERE / room).glob("*.py")):
            if GUARD in file.read_text(encoding="utf-8"):
                found[room if file.stem == "__main__" else file.stem] = file
    return found


def summary(file: Path) -> str:
    """Return the first sentence of a file's docstring, without the command that runs it."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    line = " ".join(text.split("\n\n")[0].split())
    return line.split(" ``python -m")[0].split(": python -m")[0].rstrip(":").strip()


def listed() -> str:
    """Return what is shown without a name."""
    lines = ["python -m benchmarks NAME [--help] …"]
    files = benchmarks()
    for room, what in ROOMS.items():
        lines += ["", f"{room}: {what}"]
        lines += [
            f"  {name:<18} {summary(file)}"
            for name, file in files.items()
            if file.parent.name == room
        ]
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Run the benchmark that is named first with the words behind it, or list all."""
    if not words or words[0] in ("-h", "--help"):
        print(listed())
        return
    name, *rest = words
    file = benchmarks().get(name)
    if file is None:
        sys.exit(f"There is no benchmark {name}. python -m benchmarks lists them.")
    sys.argv = [f"benchmarks {name}", *rest]
    module = ".".join(file.relative_to(HERE.parent).with_suffix("").parts)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except FreqpilotError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
