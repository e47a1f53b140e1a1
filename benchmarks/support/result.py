"""The answer of a benchmark: one object, printed last, and one exit status."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.support.page import write_section

Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """A figure, what it should be, and whether it is."""

    value: Any
    target: Any
    ok: bool


def at_least(value: float, target: float) -> Target:
    """Return a target that is reached from ``target`` on; NaN reaches none."""
    return Target(_shown(value), target, bool(value >= target))


def at_most(value: float, target: float) -> Target:
    """Return a target that is reached up to ``target``; NaN reaches none."""
    return Target(_shown(value), target, bool(value <= target))


def exactly(value: int, target: int) -> Target:
    """Return a target that only ``target`` itself reaches."""
    return Target(value, target, value == target)


@dataclass(frozen=True)
class Result:
    """What a benchmark found.

    :param parity: whether what was compared is alike, so that the figures count; True where a
        benchmark compares nothing.
    :param about: what the figures are of: period, pairs, versions, ``synthetic``.
    :param strict: whether a missed target is a failure; else it is a result like another.
    """

    name: str
    figures: Mapping[str, Any]
    targets: Mapping[str, Target] = field(default_factory=dict)
    parity: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False

    @property
    def ok(self) -> bool:
        """Whether parity holds and, where ``strict``, each target is reached."""
        return self.parity and not (self.strict and self.missed)

    @property
    def missed(self) -> list[str]:
        """The targets that are not reached."""
        return [name for name, target in self.targets.items() if not target.ok]

    def raw(self) -> dict[str, Any]:
        """Return all fields in one dictionary, those of ``about`` beside the others."""
        targets = {name: asdict(target) for name, target in self.targets.items()}
        answer = {"name": self.name, "parity": self.parity, "targets": targets}
        return {**answer, "figures": self.figures, **self.about}

    def document(self) -> dict[str, Any]:
        """Return the JSON object: :meth:`raw` with null for what is no number."""
        return dict(finite(self.raw()))

    def __str__(self) -> str:
        lines = ["SYNTHETIC data"] if self.about.get("synthetic") else []
        lines.append(f"{self.name}: parity {'holds' if self.parity else 'FAILED'}")
        lines += [
            f"{name}: {row.value} (target {row.target}, {'reached' if row.ok else 'MISSED'})"
            for name, row in self.targets.items()
        ]
        return "\n".join(lines)


def finish(result: Result, given: argparse.Namespace, section: str = "") -> int:
    """Print a result and return the exit status: 0 unless parity or a strict target fails.

    Without ``--json`` readable lines and ``section`` come first. With ``--page`` the section goes
    into that file, unless parity failed.
    """
    if not given.json:
        print(result)
        if section:
            print(section)
    if section and given.page:
        if result.parity:
            write_section(given.page, section)
        else:
            print(f"{given.page} is not written, as parity failed", file=sys.stderr)
    print(json.dumps(result.document(), ensure_ascii=False, allow_nan=False))
    return 0 if result.ok else 1


def progress() -> Say:
    """Return a function that writes a line with the seconds since now to standard error, so that
    standard output holds the answer alone."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    return say


def finite(value: Any) -> Any:
    """Return ``value`` with NaN and infinity as null, as JSON has neither."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.4g}")
