"""The long proofs in turn, or a slice of them: deep properties, kills, chaos, faults in the code.

``python -m benchmarks proof`` plays all; ``--minutes 12`` draws pieces by ``--seed`` until their
usual time fills half of that, as a busy machine is twice as slow, and stops at the limit. A piece
that had no time is named and fails nothing.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.support.options import parser
from benchmarks.support.result import Result, exactly, finish, progress

NAME = "proof"
ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
DEEP = {
    "risk": ("risk",),
    "signals": ("signals",),
    "features": ("features",),
    "facts": ("facts",),
    "models": ("models",),
    "rehearsal": ("rehearsal",),
    "host": ("host",),
    "control, execution, journal, research": ("control", "execution", "journal", "research"),
}
"""Rooms whose properties are tried with many more examples, and the folders of their tests."""
CHAOS = 20
"""Sessions of chaos on spot."""
SAMPLE = 4
"""Faults put into each room of the library."""


@dataclass(frozen=True)
class Piece:
    """One proof: its name, its command and the seconds it usually takes on two quiet cores.

    ``must`` is False where a missed target is only reported: of four faults drawn in a room one
    that nobody notices is a place to look at, and no reason to stop.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    must: bool = True


def pieces(seed: int) -> list[Piece]:
    """Return all pieces; the seed draws examples, sessions and faults."""
    bench = (PYTHON, "-m", "benchmarks")
    deep = [
        Piece(
            f"properties of {room}",
            (
                *(PYTHON, "-m", "pytest", "-m", "hypothesis"),
                *(f"tests/{folder}" for folder in folders),
                *("-p", "no:cacheprovider", f"--hypothesis-seed={seed}"),
            ),
            90,
        )
        for room, folders in DEEP.items()
    ]
    first = 1_000 + seed % 1_000 * CHAOS
    chaos = [
        Piece(
            f"chaos from seed {first + start}",
            (
                *(*bench, "chaos", "--seeds", "5", "--futures", "2", "--plain", "0"),
                *("--first-seed", str(first + start)),
            ),
            75,
        )
        for start in range(0, CHAOS, 5)
    ]
    kills = [
        Piece("kills on spot", (*bench, "kills", "--every", "3"), 150),
        Piece("kills on futures", (*bench, "kills", "--every", "3", "--futures"), 150),
    ]
    faults = Piece(
        "faults in the code",
        (*bench, "mutation", "--sample", str(SAMPLE), "--seed", str(seed)),
        900,
        must=False,
    )
    return [*deep, *long_tests(), *chaos, *kills, faults]


def long_tests() -> list[Piece]:
    """Return the tests that are marked ``proof``, in parts that fit into a slice."""
    marked = (PYTHON, "-m", "pytest", "-m", "proof")
    others = tuple(f"--ignore=tests/{folder}" for folder in ("rehearsal", "doors"))
    live = "rehearsal_live"
    return [
        Piece("long tests of live sessions", (*marked, "tests/rehearsal", "-k", live), 150),
        Piece("long tests of rehearsal", (*marked, "tests/rehearsal", "-k", f"not {live}"), 120),
        Piece("long tests of doors", (*marked, "tests/doors"), 150),
        Piece("long tests of other rooms", (*marked, "tests", *others), 150),
    ]


def drawn(every: Sequence[Piece], minutes: float | None, seed: int) -> list[Piece]:
    """Return the pieces to play: all without a limit, else some that fit into half of it."""
    if minutes is None:
        return list(every)
    order = list(every)
    random.Random(seed).shuffle(order)  # noqa: S311
    left, chosen = minutes * 60 / 2, []
    for piece in order:
        if piece.seconds <= left:
            chosen.append(piece)
            left -= piece.seconds
    return chosen


def play(piece: Piece, seconds: float | None) -> str:
    """Play a piece; returns ``passed``, ``failed``, or ``no time`` where it did not end in time."""
    environment = {**os.environ, "FREQPILOT_DEEP": "1", "HYPOTHESIS_RANDOM": "1"}
    process = subprocess.Popen(
        piece.command, cwd=ROOT, env=environment, stdout=sys.stderr, start_new_session=True
    )
    try:
        return "failed" if process.wait(timeout=seconds) else "passed"
    except subprocess.TimeoutExpired:
        return "no time"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def seed_of(text: str) -> int:
    """Return a seed: a number, or ``today`` for the day's."""
    return datetime.now(UTC).toordinal() if text == "today" else int(text)


def main() -> int:
    """Run it; returns the exit status."""
    made = parser(NAME, __doc__)
    made.add_argument("--minutes", type=float, help="play a slice that fits; default: all")
    made.add_argument("--seed", type=seed_of, default="today", help="a number, or today")
    given = made.parse_args()
    return finish(prove(given), given)


def prove(given: argparse.Namespace) -> Result:
    """Play what was drawn; returns the result."""
    say, begun = progress(), time.monotonic()
    end = None if given.minutes is None else begun + given.minutes * 60
    ends: dict[str, str] = {}
    reported: list[str] = []
    took: dict[str, float] = {}
    for piece in drawn(pieces(given.seed), given.minutes, given.seed):
        start = time.monotonic()
        left = None if end is None else end - start
        ends[piece.name] = "no time" if left is not None and left <= 0 else play(piece, left)
        if ends[piece.name] == "failed" and not piece.must:
            reported.append(piece.name)
        took[piece.name] = round(time.monotonic() - start, 1)
        say(f"{piece.name}: {ends[piece.name]} ({took[piece.name]:.0f} s)")
    failed = [n for n, how in ends.items() if how == "failed" and n not in reported]
    return Result(
        NAME,
        figures={"seconds": took, "total seconds": round(time.monotonic() - begun, 1)},
        targets={"pieces that failed": exactly(len(failed), 0)},
        about={
            "seed": given.seed,
            "failed": failed,
            "below target": reported,
            "without time": [name for name, how in ends.items() if how == "no time"],
        },
        strict=True,
    )


if __name__ == "__main__":
    sys.exit(main())
