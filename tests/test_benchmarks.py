"""``python -m benchmarks`` lists every benchmark and runs one wherever its file lies."""

import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.__main__ import GUARD, HERE, ROOMS, benchmarks, listed, main, summary
from children import ROOT


def test_each_is_listed_once_with_a_line_of_its_own() -> None:
    lines = listed().splitlines()
    names = Counter(line.split()[0] for line in lines if line.startswith("  "))
    assert names == Counter(dict.fromkeys(benchmarks(), 1))
    said = [summary(file) for file in benchmarks().values()]
    assert all(said)
    assert len(set(said)) == len(said)
    assert not [text for text in said if "python -m" in text]


def test_no_two_have_one_name_and_each_lies_in_a_room() -> None:
    files = [file for file in HERE.rglob("*.py") if GUARD in file.read_text(encoding="utf-8")]
    rooms = {file.relative_to(HERE).parts[0] for file in files} - {"__main__.py", "support"}
    assert rooms == set(ROOMS)
    in_rooms = [file for file in files if file.relative_to(HERE).parts[0] in ROOMS]
    assert len(benchmarks()) == len(in_rooms)


@pytest.mark.parametrize(("name", "option"), [("facts_join", "--rows"), ("facts", "--parts")])
def test_one_runs_with_the_words_behind_its_name(name: str, option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert option in done.stdout


def test_another_name_is_refused() -> None:
    with pytest.raises(SystemExit, match="no benchmark ferris"):
        main(["ferris"])


def test_without_a_name_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == listed() + "\n"
