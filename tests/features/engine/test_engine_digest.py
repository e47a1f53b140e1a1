"""Nothing stale is run: what Numba keeps on the disk depends on every file that is compiled in."""

import ast
import gc
import importlib
import pkgutil
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from freqpilot import features
from freqpilot.features.engine import blocks
from freqpilot.features.engine.digest import ROOMS, digest_of, source_digest

ROOT = "freqpilot.features"


def file_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def imports_of(module: str) -> dict[str, str]:
    """Return what a module imports from the pack, by the name it has there."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(file_of(module).read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {each.asname or each.name: each.name for each in node.names}
    return {name: whole for name, whole in found.items() if whole.startswith("freqpilot.")}


def module_of(name: str) -> str:
    """Return the module that a dotted name is, or is in."""
    above = name.rpartition(".")[0]
    return name if find_spec(above).submodule_search_locations and find_spec(name) else above  # type: ignore[union-attr]


def compiled_modules() -> set[str]:
    """Return the modules that the engine's entry imports, and those that they import in turn."""
    found, waiting = {blocks.__name__}, [blocks.__name__]
    while waiting:
        for name in imports_of(waiting.pop()).values():
            module = module_of(name)
            if module.startswith(ROOT) and module not in found:
                found.add(module)
                waiting.append(module)
    return found


def test_each_module_that_is_compiled_in_changes_the_digest(tmp_path: Path) -> None:
    copies = {}
    for room in ROOMS:
        copies[room] = tmp_path / room
        shutil.copytree(file_of(room).parent, copies[room])
    digest = digest_of(copies.values())
    assert digest == source_digest()
    reached = compiled_modules()
    assert {f"{ROOT}.kernels.swings", f"{ROOT}.engine.views", f"{ROOT}.engine.graph"} <= reached
    for module in reached:
        room, _, name = module.rpartition(".")
        assert room in copies, (
            f"{module} is compiled into the engine, but the digest has not {room}"
        )
        file = copies[room] / f"{name}.py"
        source = file.read_text()
        file.write_text(source + "# changed")
        assert digest_of(copies.values()) != digest, module
        file.write_text(source)
    assert digest_of(copies.values()) == digest
    moved = copies[ROOMS[1]] / "swings.py"
    moved.rename(moved.with_name("turns.py"))
    assert digest_of(copies.values()) != digest


def compiled(module: ModuleType) -> dict[str, Any]:
    """Return the compiled functions that were written in a module."""
    return {
        name: each
        for name, each in vars(module).items()
        if hasattr(each, "py_func") and each.py_func.__module__ == module.__name__
    }


def names_in(code: CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*(names_in(each) for each in inner))


def taken(function: Any, own: dict[str, Any]) -> set[str]:
    """Return the names that a function and those of its own file that it calls read."""
    names: set[str] = set()
    waiting = [function]
    while waiting:
        new = names_in(waiting.pop().py_func.__code__) - names
        names |= new
        waiting += [own[name] for name in new & own.keys()]
    return names


def kept_functions() -> Iterator[tuple[str, Any, set[str]]]:
    """Yield each function that Numba keeps, and what it takes from other files of the pack."""
    for info in pkgutil.walk_packages(features.__path__, f"{ROOT}."):
        module = importlib.import_module(info.name)
        own, foreign = compiled(module), imports_of(info.name).keys()
        for name, function in own.items():
            if function.stats.cache_path is not None:
                yield f"{info.name}.{name}", function, taken(function, own) & foreign


def test_what_numba_keeps_is_compiled_from_its_own_file_or_carries_the_digest() -> None:
    digest, count = source_digest(), 0
    for name, function, foreign in kept_functions():
        closure = function.py_func.__closure__ or ()
        carries = digest in [cell.cell_contents for cell in closure]
        assert carries or not foreign, f"{name} is kept, but has {foreign} compiled in"
        count += 1
    assert count > 30
    assert digest in [cell.cell_contents for cell in blocks.advance.py_func.__closure__]


ENTRY = """
from numba import njit

def make(digest):
    @njit(cache=True)
    def entry(x):
        return x + 1 if digest >= 0 else x
    return entry
"""


def test_numba_takes_a_kept_function_for_the_same_digest_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "entry_of_a_digest"
    (tmp_path / f"{name}.py").write_text(ENTRY)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(name)
    hits = []
    for digest in (1, 1, 2, 1):
        function = module.make(digest)
        assert function(1) == 2
        hits.append(sum(function.stats.cache_hits.values()))
        # Nothing of the call before may help: Numba then imports the module, as a new process does.
        del function
        gc.collect()
    assert hits == [0, 1, 0, 1]
