"""The tool that breaks the library on purpose breaks it as it says."""

import ast
import json

import pytest

from benchmarks.safety.mutants import TABLE, Mutant, mutants, mutated, optional_arguments
from benchmarks.safety.mutation import EQUIVALENTS
from benchmarks.support.mutation_copy import library_sources

SOURCE = '''
"""A docstring is no code: 1 < 2."""
__all__ = ["f"]
LIMIT = 5


def f(a: int, b: int | None = None) -> str | None:
    """Nor is this: 1 < 2."""
    if not a < LIMIT and b is None:
        return f"a reason that names {a + 1}"
    return min(a, 3)
'''
SHOP = """
class Shop:
    async def sell(self, trade, order):
        logger.info("sold %s", 1 + 1)
        if order.amount > trade.stock:
            raise ValueError("more than there is")
        self.stock -= order.amount
        self.last = -trade.fee_open
        await self.commit()
        return self.store(trade, order, side="sell", note={"pair": trade.pair, "at": 1.5})

    def store(self, trade, order, side="buy", note=None):
        for each in [
            trade,
            order,
        ]:
            if each.done:
                break
        return [each for each in self.all if each.open] or self.book.get("bids")
"""


def changes(source: str, **optional: frozenset[str]) -> set[tuple[str, str]]:
    return {(each.before, each.after) for each in mutants(source, optional)}


def test_every_fault_and_no_text() -> None:
    assert changes(SOURCE) == {
        ("5", "6"),
        ("5", "(4)"),
        ("not a < LIMIT and b is None", "(not a < LIMIT or b is None)"),
        ("not a < LIMIT", "True"),
        ("b is None", "True"),
        ("not a < LIMIT", "bool(a < LIMIT)"),
        ("a < LIMIT", "(a <= LIMIT)"),
        ("a < LIMIT", "(a >= LIMIT)"),
        ("b is None", "(b is not None)"),
        ("return f'a reason that names {a + 1}'", "return None"),
        ("return min(a, 3)", "return None"),
        ("min", "max"),
        ("3", "4"),
        ("3", "(2)"),
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("raise ValueError('more than there is')", "pass"),
        ("self.stock -= order.amount", "pass"),
        ("self.stock -= order.amount", "self.stock += order.amount"),
        ("self.last = -trade.fee_open", "pass"),
        ("-trade.fee_open", "(+trade.fee_open)"),
        ("trade.fee_open", "trade.fee_close"),
        ("await self.commit()", "pass"),
        ("'sell'", "'buy'"),
        ("{'pair': trade.pair, 'at': 1.5}", "{'at': 1.5}"),
        ("1.5", "3.0"),
        ("[trade, order]", "[order]"),
        ("break", "continue"),
        ("each.done", "(not each.done)"),
        ("each.open", "True"),
        ("'bids'", "'bids_'"),
        ("order.amount > trade.stock", "(order.amount >= trade.stock)"),
        (
            "self.store(trade, order, side='sell', note={'pair': trade.pair, 'at': 1.5})",
            "self.store(order, trade, side='sell', note={'pair': trade.pair, 'at': 1.5})",
        ),
    ],
)
def test_the_kinds_of_faults_that_cost_money(before: str, after: str) -> None:
    assert (before, after) in changes(SHOP)


def test_only_what_a_function_can_do_without_is_left_out_of_a_call() -> None:
    call = "self.store(trade, order, side='sell', note={'pair': trade.pair, 'at': 1.5})"
    optional = optional_arguments({"shop.py": SHOP})
    assert optional["store"] == {"side", "note"}
    shorter = call.replace(", side='sell'", "")
    assert (call, shorter) in changes(SHOP, **optional)
    assert (call, shorter) not in changes(SHOP)


@pytest.mark.parametrize(
    "source",
    [
        'logger.warning("%s", 1)',
        "def f(a: tuple[int, str]) -> int | None: ...",
        "if TYPE_CHECKING:\n    import x",
        "assert 1 < 2",
        'expect(Exchange, "create_order", ["pair", "rate"])',
        'made = expect(Exchange, "create_order", ["pair", "rate"])',
        "Number = int | float",
        "from x import a as b",
        f"WORDS = {list(range(TABLE + 1))}",
    ],
)
def test_what_is_no_code_is_left_alone(source: str) -> None:
    assert not mutants(source)


@pytest.mark.parametrize("source", [SOURCE, SHOP])
def test_a_mutant_compiles_and_every_line_stays_where_it_is(source: str) -> None:
    for mutant in mutants(source, optional_arguments({"": source})):
        text = mutated(source, mutant)
        compile(text, "mutant", "exec")
        ours, theirs = text.splitlines(), source.splitlines()
        assert len(ours) == len(theirs)
        ends = ast.parse(source).body[-1].end_lineno or 0
        changed = [at for at, (a, b) in enumerate(zip(ours, theirs, strict=True), 1) if a != b]
        assert changed
        assert mutant.line <= changed[0] <= changed[-1] <= ends


def test_a_fault_is_named_by_its_function_and_line_not_by_a_number() -> None:
    def names(source: str) -> set[tuple[str, str]]:
        return {(each.function, each.key) for each in mutants(source)}

    assert names(SHOP) == names("\n\nX = 'a line more'\n" + SHOP)
    assert {each.function for each in mutants(SHOP)} == {"Shop.sell", "Shop.store"}


def test_what_is_the_same_is_not_swapped() -> None:
    assert "swapped" not in {
        each.kind for each in mutants("def f(a, g):\n    return g(a, a) - g(a, a)\n")
    }


def test_letters_of_more_than_a_byte_move_nothing() -> None:
    source = 'WORD = "€€", 1 < 2\n'
    first: Mutant = next(each for each in mutants(source) if each.kind == "boundary")
    assert mutated(source, first) == 'WORD = "€€", (1 <= 2)\n'


def test_every_equivalent_fault_is_one_of_the_library() -> None:
    named = json.loads(EQUIVALENTS.read_text(encoding="utf-8"))
    assert all(reason for keys in named.values() for reason in keys.values())
    wanted = {(function, key) for function, keys in named.items() for key in keys}
    lines = {key.partition("  |  ")[0].partition("  ->  ")[0] for _, key in wanted}
    found = set()
    for path, source in library_sources().items():
        if any(line and line in source for line in lines):
            for each in mutants(source, {}):
                name = each.function or f"<{path.rpartition('/')[2].removesuffix('.py')}>"
                found.add((name, each.key))
    missing = {(f, k) for f, k in wanted - found if "replace(" not in k}
    assert not missing
