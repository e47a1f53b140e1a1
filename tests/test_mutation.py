"""Which faults are drawn, which tests try them, and what counts as noticed."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.safety.mutants import mutants, mutated
from benchmarks.safety.mutation import (
    STRICT,
    Examiner,
    Fate,
    Fault,
    answer,
    asked,
    draw,
    faults_by_room,
    room_of,
)
from benchmarks.support import mutation_copy, mutation_map
from benchmarks.support.mutation_copy import Copy, importers, imports, is_compiled
from benchmarks.support.mutation_map import Reach

SOURCES = {
    "risk/limits.py": "def over(a, b):\n    return a > b\n",
    "risk/exits.py": "from freqpilot.risk.limits import over\n\n\ndef stop(a):\n    return a - 1\n",
    "host/gate/live.py": "from freqpilot.risk import exits\n\n\ndef ask(a):\n    return not a\n",
    "host/orders.py": "def send(a):\n    return a + 1\n",
    "shapes.py": "def side(a):\n    return a < 0\n",
}


class Stage:
    """A copy of the project in which no process runs: what fails is a table."""

    def __init__(self, fails_with: str = "", fails_without: str = "", outcome: str = "failed"):
        self.with_fault, self.without, self.outcome = fails_with, fails_without, outcome
        self.broken = False
        self.asked: list[tuple[bool, list[str], float]] = []

    @contextmanager
    def changed(self, path: str, source: str, graph: dict[str, set[str]]):  # type: ignore[no-untyped-def]
        self.broken = True
        yield
        self.broken = False

    def run(self, files: list[str], tests: list[str], limit: float, options: Any = ()) -> Any:
        self.asked.append((self.broken, tests, limit))
        failing = {self.without} | ({self.with_fault} if self.broken else set())
        first = next((each for each in tests if each in failing), "")
        outcome = self.outcome if self.broken else "failed"
        return {"outcome": outcome if first else "passed", "by": first}


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """What three test files reach."""
    monkeypatch.setattr(mutation_map, "ROOT", tmp_path)
    rows = {}
    for name, seconds, text in [
        ("tests/risk/test_risk_limits.py", 2.0, "from freqpilot.risk.limits import over"),
        ("tests/host/test_gate.py", 1.0, ""),
        ("tests/host/test_slow.py", 99.0, ""),
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        tests = {
            f"{name}::test_{at}": {"seconds": seconds + at, "failed": at == 2, "functions": reached}
            for at, reached in enumerate([["risk/limits.py:over"], [], ["risk/limits.py:over"]])
        }
        rows[name] = {"digest": "", "modules": ["freqpilot.risk.limits"], "tests": tests}
    (tmp_path / "map.json").write_text(json.dumps(rows))
    return Reach(tmp_path / "map.json")


def fault_of(path: str, before: str, after: str) -> Fault:
    found = mutants(SOURCES[path])
    return Fault(path, next(m for m in found if (m.before, m.after) == (before, after)))


OVER = fault_of("risk/limits.py", "a > b", "(a >= b)")
FIRST, SECOND = "tests/risk/test_risk_limits.py::test_0", "tests/host/test_gate.py::test_0"


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("shapes.py", "freqpilot"),
        ("risk/limits.py", "risk"),
        ("risk/exits.py", "exits"),
        ("settings/exits.py", "settings"),
        ("host/trading/exits.py", "exits"),
        ("host/run/flows.py", "flows"),
        ("host/gate/market.py", "gate"),
        ("host/orders/reconcile.py", "reconcile"),
        ("host/orders/sending.py", "orders"),
        ("host/run/current.py", "host/run"),
        ("host/freqai/pooled/pool.py", "host/freqai"),
        ("host/log.py", "host"),
        ("features/bank/atr.py", "features"),
    ],
)
def test_each_folder_is_a_room_and_what_must_not_be_wrong_has_its_own(path: str, room: str) -> None:
    assert room_of(path) == room


def test_every_module_is_in_a_room_that_can_be_asked_for() -> None:
    sources = mutation_copy.library_sources()
    rooms = asked([], sources)
    assert sorted(path for paths in rooms.values() for path in paths) == sorted(sources)
    assert set(STRICT) & set(rooms)
    limits = {"entries/limits": ["risk/entries/limits.py"]}
    assert asked(["entries/limits"], sources) == limits
    with pytest.raises(SystemExit, match="no such room or module: ferris"):
        asked(["ferris"], sources)


def test_a_seed_draws_the_same_faults_and_another_others() -> None:
    source = "\n".join(f"x{n} = {n}" for n in range(50))
    every = [Fault("risk/a.py", each) for each in mutants(source)]
    assert draw(every, 9, "1") == draw(every, 9, "1") != draw(every, 9, "2")
    assert len(set(draw(every, 9, "1"))) == 9
    assert draw(every, 10_000, "1") == draw(every, 10_000, "2")


def test_an_equivalent_fault_is_counted_and_never_drawn() -> None:
    named = {"over": {OVER.mutant.key: "it is the same"}}
    every, equal = faults_by_room(SOURCES, named, ["risk/limits.py"])["risk"]
    others, none = faults_by_room(SOURCES, {"under": named["over"]}, ["risk/limits.py"])["risk"]
    assert (OVER in every, equal) == (False, 1)
    assert (OVER in others, none) == (True, 0)
    assert len(others) == len(every) + 1


def test_the_modules_own_tests_are_tried_first_and_long_or_failing_ones_not(reach: Reach) -> None:
    trials = reach.trials("risk/limits.py", "over", ["over"], 40.0)
    assert [each.test for each in trials] == [FIRST, SECOND]


def test_where_nothing_notes_that_it_is_reached_those_who_load_it_are_tried(reach: Reach) -> None:
    trials = reach.trials("risk/limits.py", "", ["over"], 40.0)
    assert [each.test for each in trials][:2] == [FIRST, FIRST[:-1] + "1"]
    assert not reach.trials("risk/other.py", "", ["over"], 40.0)


def test_a_fault_is_noticed_by_the_test_that_fails(reach: Reach) -> None:
    stage = Stage(fails_with=SECOND)
    fate = Examiner(stage, SOURCES, reach, 40.0).fate(OVER)  # type: ignore[arg-type]
    assert fate == Fate(OVER, "test", SECOND, 2)
    assert [broken for broken, _, _ in stage.asked] == [True, False]


def test_a_fault_survives_where_all_pass(reach: Reach) -> None:
    fate = Examiner(Stage(), SOURCES, reach, 40.0).fate(OVER)  # type: ignore[arg-type]
    assert (fate.how, fate.tried) == ("", 2)


def test_a_test_that_fails_without_the_fault_as_well_notices_nothing(reach: Reach) -> None:
    examiner = Examiner(Stage(fails_without=FIRST), SOURCES, reach, 40.0)  # type: ignore[arg-type]
    assert examiner.fate(OVER).how == ""
    assert examiner.unsound == {FIRST}
    both = Examiner(Stage(SECOND, FIRST), SOURCES, reach, 40.0)  # type: ignore[arg-type]
    assert both.fate(OVER) == Fate(OVER, "test", SECOND, 1)


@pytest.mark.parametrize(("without", "how"), [("", "time"), (FIRST, "?")])
def test_a_time_that_is_over_counts_only_where_it_is_not_without_the_fault(
    reach: Reach, without: str, how: str
) -> None:
    stage = Stage(FIRST, without, outcome="time")
    assert Examiner(stage, SOURCES, reach, 40.0).fate(OVER).how == how  # type: ignore[arg-type]


def test_the_share_of_each_room_and_its_target() -> None:
    stop = fault_of("risk/exits.py", "a - 1", "(a + 1)")
    rooms = {"risk": ([OVER] * 10, 3), "exits": ([stop] * 10, 0)}
    fates = [Fate(OVER, "test", "t", 1)] * 9 + [Fate(OVER, "", "", 1), Fate(OVER, "?", "", 1)]
    fates += [Fate(stop, "time", "", 1)] * 9 + [Fate(stop, "", "", 1)]
    whole = answer(fates, rooms, [], seed="1")
    found = whole.document()
    assert found["targets"] == {
        "exits: noticed": {"value": 0.9, "target": 0.95, "ok": False},
        "risk: noticed": {"value": 0.9, "target": 0.9, "ok": True},
    }
    assert found["figures"]["risk"] == {
        "faults": 10,
        "drawn": 11,
        "noticed": 9,
        "survive": 1,
        "undecided": 1,
        "stopped by the clock": 0,
        "equivalent, not drawn": 3,
    }
    assert found["survivors"]["exits"] == [str(stop)]
    assert (found["name"], found["parity"], found["seed"]) == ("mutation", True, "1")
    assert whole.missed == ["exits: noticed"]
    assert not whole.ok
    assert not answer(fates, rooms, ["a test"]).parity


def test_who_comes_to_load_a_module() -> None:
    graph = imports(SOURCES)
    assert graph["risk/exits.py"] == {"risk/limits.py"}
    assert importers("risk/limits.py", graph) == {
        "risk/limits.py",
        "risk/exits.py",
        "host/gate/live.py",
    }


@pytest.mark.parametrize(
    ("head", "expected"),
    [("@njit(cache=True)", True), ("@numba.njit", True), ("@cache", False), ("", False)],
)
def test_what_numba_compiles(head: str, expected: bool) -> None:
    assert is_compiled(f"{head}\ndef f():\n    return 1\n") is expected


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A copy of a project of three modules, the first of which Numba compiles."""
    root = tmp_path / "project"
    for path, source in SOURCES.items():
        file = root / mutation_copy.LIBRARY / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"@njit\n{source}" if path == "risk/limits.py" else source)
    names = {str(file.relative_to(root)) for file in root.rglob("*.py")}
    monkeypatch.setattr(mutation_copy, "ROOT", root)
    monkeypatch.setattr(mutation_copy, "_project_files", lambda: names)
    return Copy(tmp_path / "copy")


def compiled_of(copy: Copy) -> dict[str, str]:
    for path in ("risk/limits", "risk/exits", "shapes"):
        file = copy.folder / mutation_copy.LIBRARY / f"{path}.py"
        place = file.parent / "__pycache__" / f"{file.stem}.f-1.py311.nbi"
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            place.write_text("sound")
    return seen_of(copy)


def seen_of(copy: Copy) -> dict[str, str]:
    return {file.name: file.read_text() for file in copy.folder.rglob("*.nbi")}


def test_a_fault_is_in_the_copy_alone_and_only_for_a_while(copy: Copy) -> None:
    path = "risk/exits.py"
    ours = mutation_copy.ROOT / mutation_copy.LIBRARY / path
    theirs = copy.folder / mutation_copy.LIBRARY / path
    before = (theirs.read_text(), theirs.stat().st_mtime_ns)
    times = []
    for _ in range(2):
        with copy.changed(path, "x = 1\n", imports(SOURCES)):
            assert theirs.read_text() == "x = 1\n"
            assert ours.read_text() == SOURCES[path]
            times.append(int(theirs.stat().st_mtime))
    assert (theirs.read_text(), theirs.stat().st_mtime_ns) == before
    assert len({*times, int(theirs.stat().st_mtime)}) == 3  # none is taken for another


def test_what_numba_compiled_is_put_aside_where_the_fault_may_be_in_it(copy: Copy) -> None:
    before = compiled_of(copy)
    source = f"@njit\n{SOURCES['risk/limits.py']}"
    with copy.changed("risk/limits.py", source, imports(SOURCES)):
        assert set(seen_of(copy)) == {"shapes.f-1.py311.nbi"}
        folder = copy.folder / mutation_copy.LIBRARY / "risk" / "__pycache__"
        (folder / "exits.f-1.py311.nbi").write_text("of the fault")
        (folder / "exits.g-9.py311.nbi").write_text("of the fault")
    assert seen_of(copy) == before


def test_a_run_that_was_killed_leaves_nothing_to_the_next(copy: Copy) -> None:
    before = compiled_of(copy)
    source = f"@njit\n{SOURCES['risk/limits.py']}"
    held = copy.changed("risk/limits.py", source.replace(">", "<"), imports(SOURCES))
    held.__enter__()
    folder = copy.folder / mutation_copy.LIBRARY / "risk"
    (folder / "__pycache__" / "exits.f-1.py311.nbi").write_text("of the fault")
    next_run = Copy(copy.folder)
    assert (folder / "limits.py").read_text() == source
    assert seen_of(next_run) == before


def test_what_left_the_project_leaves_the_copy(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = mutation_copy.LIBRARY / "host" / "orders.py"
    assert (copy.folder / gone).exists()
    kept = mutation_copy._project_files() - {str(gone)}
    monkeypatch.setattr(mutation_copy, "_project_files", lambda: kept)
    assert not (Copy(copy.folder).folder / gone).exists()


def test_a_traced_copy_notes_each_function_and_keeps_what_is_compiled(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = Copy(tmp_path / "traced", traced=True)
    folder = traced.folder / mutation_copy.LIBRARY
    assert "_reached_('risk/exits.py:stop')" in (folder / "risk/exits.py").read_text()
    assert "_reached_('" not in (folder / "risk/limits.py").read_text()
    ours = mutation_copy.ROOT / mutation_copy.LIBRARY / "risk/exits.py"
    assert (folder / "risk/exits.py").stat().st_mtime_ns == ours.stat().st_mtime_ns


def test_a_mutant_of_a_text_is_what_stands_in_the_file() -> None:
    assert mutated(SOURCES["risk/limits.py"], OVER.mutant).endswith("return (a >= b)\n")
