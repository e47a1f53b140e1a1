"""The long proofs in turn, and the slice of them that fits into a time."""

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmarks.safety import proof
from benchmarks.safety.proof import Piece, drawn, long_tests, pieces, play, prove, seed_of

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")


def piece(name: str, code: str, seconds: float = 1.0) -> Piece:
    return Piece(name, (sys.executable, "-c", code), seconds)


def test_each_piece_has_a_name_of_its_own_and_a_command_that_exists() -> None:
    every = pieces(7)
    assert len({each.name for each in every}) == len(every)
    for each in every:
        folders = [word for word in each.command if word.startswith("tests/")]
        assert all((proof.ROOT / folder).is_dir() for folder in folders)
    assert pieces(7) == every
    assert pieces(8) != every


def test_the_rooms_of_properties_are_those_that_have_some() -> None:
    tests = proof.ROOT / "tests"
    have = {
        file.relative_to(tests).parts[0]
        for file in tests.glob("*/**/test_*.py")
        if "from hypothesis" in file.read_text()
    }
    assert {folder for folders in proof.DEEP.values() for folder in folders} == have


def test_each_long_test_is_in_one_part() -> None:
    """A folder's parts are what a word selects and what it does not; the last part ignores it."""
    chosen: dict[str, list[str]] = {}
    for part in long_tests():
        folder = next(word for word in part.command if word.startswith("tests"))
        chosen.setdefault(folder, []).extend(part.command[part.command.index(folder) + 1 :])
    others = chosen.pop("tests")
    assert others == [f"--ignore={folder}" for folder in chosen]
    assert chosen == {
        "tests/rehearsal": ["-k", "rehearsal_live", "-k", "not rehearsal_live"],
        "tests/doors": [],
    }


def test_a_slice_fits_into_half_of_the_time_and_another_day_draws_another() -> None:
    every = pieces(7)
    assert drawn(every, None, 7) == every
    slices = [drawn(every, 12, seed) for seed in range(40)]
    assert all(0 < sum(each.seconds for each in found) <= 360 for found in slices)
    assert {each.name for found in slices for each in found} >= {
        each.name for each in every if each.seconds <= 360
    }, "each comes in time"
    assert drawn(every, 12, 3) == drawn(every, 12, 3)


@pytest.mark.parametrize(("code", "how"), [("", "passed"), ("raise SystemExit(3)", "failed")])
def test_a_piece_passes_or_fails_by_its_status(code: str, how: str) -> None:
    assert play(piece("one", code), None) == how


def test_what_has_no_time_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    begins = (
        "import subprocess, sys, time, pathlib;"
        f"p = subprocess.Popen({SLEEPS!r}); pathlib.Path({str(mark)!r}).write_text(str(p.pid));"
        "time.sleep(600)"
    )
    # The child may be slow to write its mark: the time is doubled until it has.
    seconds = 1.0
    while not mark.exists() or not mark.read_text():
        assert play(piece("long", begins), seconds) == "no time"
        seconds *= 2
    child = int(mark.read_text())
    # The signal is sent; the system ends the process in its own time.
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(child)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)


def test_a_failure_fails_and_what_had_no_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    low = Piece("low", (sys.executable, "-c", "raise SystemExit(1)"), 1.0, must=False)
    every = [piece("good", ""), piece("bad", "raise SystemExit(1)"), low]
    monkeypatch.setattr(proof, "pieces", lambda seed: every)
    given = argparse.Namespace(minutes=None, seed=1)
    found = prove(given)
    assert (found.ok, found.about["failed"], found.about["without time"]) == (False, ["bad"], [])
    assert found.about["below target"] == ["low"]
    monkeypatch.setattr(proof, "play", lambda *_: "no time")
    found = prove(given)
    assert (found.ok, found.about["without time"]) == (True, ["good", "bad", "low"])


def test_the_day_is_a_seed() -> None:
    assert seed_of("12") == 12
    assert seed_of("today") > 700_000
