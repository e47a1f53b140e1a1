"""The tool that breaks the risk room on purpose breaks it as it says."""

import ast

import pytest

from benchmarks.safety.mutants import mutants, mutated

SOURCE = '''
"""A docstring is no code: 1 < 2."""
LIMIT = 5


def f(a: int, b: int | None = None) -> str | None:
    """Nor is this: 1 < 2."""
    if not a < LIMIT and b is None:
        return f"a reason that names {a + 1}"
    return min(a, 3)
'''


def test_every_fault_and_no_text() -> None:
    found = {(each.before, each.after) for each in mutants(SOURCE)}
    assert found == {
        ("5", "6"),
        ("5", "4"),
        ("not a < LIMIT and b is None", "not a < LIMIT or b is None"),
        ("not a < LIMIT and b is None", "True and b is None"),
        ("not a < LIMIT and b is None", "not a < LIMIT and True"),
        ("not a < LIMIT", "not not a < LIMIT"),
        ("a < LIMIT", "a <= LIMIT"),
        ("a < LIMIT", "a >= LIMIT"),
        ("b is None", "b is not None"),
        ("return f'a reason that names {a + 1}'", "return None"),
        ("return min(a, 3)", "return None"),
        ("min", "max"),
        ("3", "4"),
        ("3", "2"),
    }


@pytest.mark.parametrize("mutant", mutants(SOURCE), ids=lambda each: each.key)
def test_a_mutant_compiles_and_differs_in_one_place(mutant) -> None:  # type: ignore[no-untyped-def]
    tree = mutated(SOURCE, mutant)
    compile(tree, "mutant", "exec")
    ours, theirs = (ast.unparse(each).splitlines() for each in (tree, ast.parse(SOURCE)))
    assert sum(a != b for a, b in zip(ours, theirs, strict=True)) == 1


def test_only_what_runs_later_can_be_put_into_a_loaded_module() -> None:
    inside = {each.before: each.inside for each in mutants(SOURCE)}
    assert inside["min"]
    assert not inside["5"]
