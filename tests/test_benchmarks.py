"""``python -m benchmarks`` lists every benchmark and runs one wherever its file lies; all of them
take the same options and answer in the same shape."""

import argparse
import ast
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.__main__ import GUARD, HERE, ROOMS, benchmarks, listed, main, summary
from benchmarks.facts import facts_join
from benchmarks.support.candles import data_digest, file_of, frame_of, pairs_in
from benchmarks.support.options import Period, add_candle_options, add_page_option, parser
from benchmarks.support.page import write_section
from benchmarks.support.result import Result, Target, at_least, at_most, exactly, finish
from freqpilot.errors import RefuseToStart

READ_CANDLES = {
    *("freqai", "edge", "edge_monitor", "guard", "regimes", "adaptive", "strategies"),
    *("realdata_backtest", "pairs_study", "crashes", "book_risk", "risk", "anystrategy"),
}
OWN_OPTIONS = {"mutation"}
"""Benchmarks that do not yet take the shared options."""
NAMES = sorted({*benchmarks()} - OWN_OPTIONS)


def options_of(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Return the options that ``--help`` of a benchmark lists."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"python -m benchmarks {name}" in text.split("\n\n")[0]
    return set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the object that a benchmark printed last."""
    document: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return document


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


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("name", NAMES)
def test_each_takes_json_and_where_it_reads_candles_a_folder_and_a_timerange(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = options_of(name, capsys)
    assert "--json" in options
    assert ({"--datadir", "--timerange"} <= options) == (name in READ_CANDLES)


@pytest.mark.parametrize("name", NAMES)
def test_none_has_a_parser_or_an_answer_of_its_own(name: str) -> None:
    """What makes parsers and prints objects lies in ``benchmarks/support``."""
    text = benchmarks()[name].read_text(encoding="utf-8")
    nodes = [*ast.walk(ast.parse(text))]
    called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not called & {"argparse.ArgumentParser", "ArgumentParser", "pd.read_feather"}
    assert "print(json.dumps" not in text
    assert "sys.exit(main())" in text, "or its status is lost"


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_one_runs_by_its_name_and_prints_its_object_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["facts_join", "--rows", "1000", "--json"])
    assert ended.value.code == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["parity"], found["synthetic"]) == ("facts_join", True, True)
    assert found["figures"]["facts"] == 1000
    assert all({*row} == {"value", "target", "ok"} for row in found["targets"].values())


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("parity", [True, False])
def test_a_failed_parity_is_the_exit_status(
    parity: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Result("facts_join", {"facts": 1}, parity=parity)
    monkeypatch.setattr(facts_join, "measure", lambda *_: found)
    monkeypatch.setattr(sys, "argv", ["facts_join", "--json"])
    assert facts_join.main() == (0 if parity else 1)
    assert answer(capsys) == {
        **{"name": "facts_join", "parity": parity, "targets": {}, "figures": {"facts": 1}}
    }


def test_an_error_of_the_pack_ends_a_benchmark_with_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RefuseToStart("no candles")

    monkeypatch.setattr("runpy.run_module", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["facts_join"])
    assert ended.value.code == RefuseToStart.exit_code != 0
    assert capsys.readouterr().err == "facts_join: no candles\n"


def test_another_name_is_refused() -> None:
    with pytest.raises(SystemExit, match="no benchmark ferris"):
        main(["ferris"])


def test_without_a_name_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == listed() + "\n"


def test_an_answer_has_one_shape_and_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(
        "some",
        {"figure": float("nan"), "list": (1.0, float("inf"))},
        {"fast enough": at_least(2.71828, 2), "few": exactly(3, 2)},
        about={"synthetic": True},
    )
    given = argparse.Namespace(json=False)
    assert finish(result, given) == 0, "a target that is missed is a result"
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        "SYNTHETIC data",
        "some: parity holds",
        "fast enough: 2.718 (target 2, reached)",
        "few: 3 (target 2, MISSED)",
    ]
    assert json.loads(last) == {
        "name": "some",
        "parity": True,
        "targets": {
            "fast enough": {"value": 2.718, "target": 2, "ok": True},
            "few": {"value": 3, "target": 2, "ok": False},
        },
        "figures": {"figure": None, "list": [1.0, None]},
        "synthetic": True,
    }


@pytest.mark.parametrize(
    ("target", "ok"),
    [
        (at_least(2.0, 2.0), True),
        (at_least(1.9999999, 2.0), False),
        (at_least(float("nan"), 0.0), False),
        (at_most(2.0, 2.0), True),
        (at_most(2.0000001, 2.0), False),
        (at_most(float("nan"), 0.0), False),
        (at_most(np.float64(1.0), 2.0), True),
        (exactly(0, 0), True),
        (exactly(1, 0), False),
    ],
)
def test_a_target_is_judged_by_the_figure_itself(target: Target, ok: bool) -> None:
    assert target.ok is ok
    assert json.dumps(target.ok) == str(ok).lower()


@pytest.mark.parametrize(
    ("parity", "strict", "reached", "status"),
    [
        (True, False, True, 0),
        (True, False, False, 0),
        (True, True, True, 0),
        (True, True, False, 1),
        (False, False, True, 1),
        (False, True, False, 1),
    ],
)
def test_the_exit_status(parity: bool, strict: bool, reached: bool, status: int) -> None:
    targets = {"any": Target(1, 1, reached)}
    result = Result("some", {}, targets, parity, strict=strict)
    assert finish(result, argparse.Namespace(json=True)) == status


def test_a_page_gets_its_section_unless_parity_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = parser("some", "Something.")
    add_page_option(made)
    page = tmp_path / "page.md"
    given = made.parse_args(["--json", "--page", str(page)])
    section = "<!-- some -->\ntext\n<!-- end of some -->\n"
    finish(Result("some", {}, parity=False), given, section)
    assert not page.exists()
    assert "is not written, as parity failed" in capsys.readouterr().err
    finish(Result("some", {}), given, section)
    assert page.read_text() == "# Results\n\n" + section
    assert len(capsys.readouterr().out.splitlines()) == 1, "the object alone"
    assert made.parse_args([]).page is None
    finish(Result("some", {}), made.parse_args([]), section)
    assert section in capsys.readouterr().out


def test_a_section_takes_the_place_between_its_own_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- a -->\nold\n<!-- end of a -->\n\nrest\n")
    write_section(page, "<!-- a -->\nnew\n<!-- end of a -->\n")
    write_section(page, "<!-- b -->\nother\n<!-- end of b -->\n")
    assert page.read_text() == (
        "# Page\n\n<!-- a -->\nnew\n<!-- end of a -->\n\nrest\n\n"
        "<!-- b -->\nother\n<!-- end of b -->\n"
    )


def test_a_timerange_is_two_days_in_utc_without_the_last() -> None:
    period = Period.parse("20230102-20230104")
    assert period == (datetime(2023, 1, 2, tzinfo=UTC), datetime(2023, 1, 4, tzinfo=UTC))
    assert (period.days, period.dates) == (2, ("2023-01-02", "2023-01-04"))
    assert str(period) == "20230102-20230104"


@pytest.mark.parametrize("text", ["2023", "20230101-", "20230101-20230101", "20230201-20230101"])
def test_another_timerange_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=text):
        Period.parse(text)


def candle_folder(folder: Path) -> Path:
    """Write candles of two spot pairs and a perpetual, and files that are none of these."""
    (folder / "futures").mkdir()
    for number, pair in enumerate(("BTC/USDT", "ETH/USDT", "BTC/USDT:USDT")):
        date = pd.date_range("2023-01-01", periods=3, freq="1h", tz="UTC")
        pd.DataFrame({"date": date, "close": float(number)}).to_feather(file_of(folder, pair))
    (folder / "BTC_USDT-4h.feather").touch()
    (folder / "ETH_BTC-1h.feather").touch()
    return folder


def test_pairs_and_candles_of_a_folder(tmp_path: Path) -> None:
    folder = candle_folder(tmp_path)
    assert pairs_in(folder) == ("BTC/USDT", "ETH/USDT")
    assert frame_of(folder, "ETH/USDT")["close"].tolist() == [1.0] * 3
    assert frame_of(folder, "BTC/USDT:USDT")["close"].tolist() == [2.0] * 3
    digest = data_digest(folder, ["BTC/USDT", "ETH/USDT"])
    assert data_digest(folder, ["ETH/USDT", "BTC/USDT"]) == digest
    assert data_digest(folder, ["BTC/USDT"]) != digest


def test_a_folder_without_the_candles_that_are_needed_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = parser("some", "Something.")
    add_candle_options(made, "20230101-20230201", needs=("BTC/USDT", "SOL/USDT"))
    folder = candle_folder(tmp_path)
    for given, told in (
        (folder, "no SOL_USDT-1h.feather in"),
        (folder / "futures", "no *_USDT-1h.feather in"),
        (folder / "gone", "no *_USDT-1h.feather in"),
    ):
        with pytest.raises(SystemExit):
            made.parse_args(["--datadir", str(given)])
        assert told in capsys.readouterr().err
    (folder / "SOL_USDT-1h.feather").touch()
    given = made.parse_args(["--datadir", str(folder)])
    assert given.datadir == folder
    assert given.timerange == Period.parse("20230101-20230201")
