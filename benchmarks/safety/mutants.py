"""The mutants of a module: one small fault each, as a test suite ought to notice (R. A. DeMillo,
R. J. Lipton, F. G. Sayward, Hints on Test Data Selection, 1978).

Left out: docstrings, the texts of reasons (f-strings and other strings), annotations, imports.
"""

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
ATTRIBUTES = {"maximum": "minimum", "minimum": "maximum", "fmax": "fmin", "fmin": "fmax"}
KEYWORDS_MATTER = ("replace",)
"""Functions that keep what is not named: leaving a keyword out is a mutant."""

Change = Callable[[], None]


class Mutant(NamedTuple):
    """One fault: where it is (line, and the place in ``ast.walk``), whether it can be put into a
    loaded module, that line's text, what stood there and what stands there now, in source."""

    place: int
    number: int
    line: int
    inside: bool
    text: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """What names the mutant whatever its line."""
        short = self.before if self.before == self.text else f"{self.text}  |  {self.before}"
        return f"{short}  ->  {self.after}"


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    nodes, lines = list(ast.walk(tree)), source.splitlines()
    skipped = {id(inner) for node in nodes for inner in _left_out(node)}
    inside = {id(inner) for node in nodes for inner in _body(node)}
    found = []
    for place, node in enumerate(nodes):
        if id(node) in skipped:
            continue
        for number in range(len(_changes(node, tree))):
            _, other = _changed(source, place, number)
            line = getattr(node, "lineno", 1)
            where = (line, id(node) in inside, lines[line - 1].strip())
            found.append(Mutant(place, number, *where, _shown(node), _shown(other)))
    return sorted(found, key=lambda each: (each.line, each.place, each.number))


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Return the module with one fault in it."""
    return _changed(source, mutant.place, mutant.number)[0]


def _changed(source: str, place: int, number: int) -> tuple[ast.Module, ast.AST]:
    """Return the module with one fault, and the node that stands in its place."""
    whole = ast.parse(source)
    node = list(ast.walk(whole))[place]
    _changes(node, whole)[number]()
    after = list(ast.walk(whole))[place] if isinstance(node, ast.stmt) else node
    return ast.fix_missing_locations(whole), after


def _body(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may be replaced in a module that is loaded."""
    if isinstance(node, ast.FunctionDef):
        inner = [each for statement in node.body for each in ast.walk(statement)]
        if not any(isinstance(each, ast.FunctionDef) for each in inner):
            yield from inner  # a function that makes functions may have made them on import
    elif isinstance(node, ast.Lambda):
        yield from ast.walk(node.body)


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    return ast.unparse(node)


def _left_out(node: ast.AST) -> Iterator[ast.AST]:
    outer: list[ast.AST | None] = []
    if isinstance(node, ast.JoinedStr):
        outer.append(node)
    if isinstance(node, ast.FunctionDef):
        outer += [node.returns, *node.decorator_list]
    if isinstance(node, ast.ClassDef):
        outer += node.decorator_list
    if isinstance(node, ast.arg | ast.AnnAssign):
        outer.append(node.annotation)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast":
        outer.append(node)
    for each in outer:
        if each is not None:
            yield from ast.walk(each)


def _changes(node: ast.AST, tree: ast.Module) -> list[Change]:  # noqa: PLR0912
    """Return the changes that a node allows; each is made in place."""
    found: list[Change] = []
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            found += [_set_item(node.ops, at, other()) for other in COMPARISONS[type(operator)]]
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        if not _is_text(node) and not _is_union(node):
            found.append(_set(node, "op", ARITHMETIC[type(node.op)]()))
    elif isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        found += [_set(node, "op", ARITHMETIC[type(node.op)]()), _becomes(node, ast.Pass(), tree)]
    elif isinstance(node, ast.BoolOp):
        found.append(_set(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()))
        neutral = isinstance(node.op, ast.And)
        found += [_neutral(node.values, at, neutral) for at in range(len(node.values))]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        found.append(_set(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else _Same()))
    elif isinstance(node, ast.Constant) and not isinstance(node.value, str):
        found += [_set(node, "value", value) for value in _other_values(node.value)]
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        found.append(_set(node, "value", ast.Constant(None)))
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        found.append(_set(node, "id", NAMES[node.id]))
    elif isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
        found.append(_set(node, "attr", ATTRIBUTES[node.attr]))
    elif isinstance(node, ast.Call) and _name_of(node.func) in KEYWORDS_MATTER:
        found += [_drop(node.keywords, at) for at in range(len(node.keywords))]
    elif isinstance(node, ast.Break | ast.Continue):
        other = ast.Continue() if isinstance(node, ast.Break) else ast.Break()
        found.append(_becomes(node, other, tree))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        found.append(_becomes(node, ast.Pass(), tree))
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not _has_operator(node.test):
        found.append(_set(node, "test", ast.UnaryOp(ast.Not(), node.test)))
    return found


class _Same(ast.UAdd):
    """Stands for a dropped ``not``: two of them."""


def _set(node: ast.AST, name: str, value: object) -> Change:
    def change() -> None:
        if isinstance(value, _Same):  # `not x` becomes `not (not x)`
            assert isinstance(node, ast.UnaryOp)
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
            return
        setattr(node, name, value)

    return change


def _set_item(items: list[ast.cmpop], at: int, value: ast.cmpop) -> Change:
    def change() -> None:
        items[at] = value

    return change


def _neutral(items: list[ast.expr], at: int, value: bool) -> Change:
    def change() -> None:
        items[at] = ast.Constant(value)

    return change


def _drop(items: list[ast.keyword], at: int) -> Change:
    def change() -> None:
        del items[at]

    return change


def _becomes(node: ast.stmt, other: ast.stmt, tree: ast.Module) -> Change:
    def change() -> None:
        for parent in ast.walk(tree):
            for name in ("body", "orelse", "finalbody"):
                body = getattr(parent, name, None)
                if isinstance(body, list) and node in body:
                    body[body.index(node)] = ast.copy_location(other, node)
                    return

    return change


def _other_values(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1]
    return []


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _is_union(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.BitOr) and any(
        _is_none(side) or (isinstance(side, ast.Name) and side.id in ("int", "float", "str"))
        for side in (node.left, node.right)
    )


def _has_operator(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare | ast.BoolOp) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _name_of(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""
