"""The mutants of a module: one small fault each, as a test suite ought to notice (R. A. DeMillo,
R. J. Lipton, F. G. Sayward, Hints on Test Data Selection, 1978).

A fault is a changed text at one place of the source, so comments and line numbers stay. Left out
are docstrings, texts of errors and logs, type hints, imports, ``__all__``, assertions and checks of
Freqtrade's signatures (a weaker one changes nothing that goes well), decorators, and tables of more
than :data:`TABLE` entries, which are data.
"""

import ast
import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

TABLE = 12
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
_PAIRS = (
    *(("min", "max"), ("any", "all"), ("maximum", "minimum"), ("fmax", "fmin")),
    *(("nanmin", "nanmax"), ("argmin", "argmax"), ("floor", "ceil"), ("ffill", "bfill")),
    *(("bid", "ask"), ("buy", "sell"), ("long", "short"), ("high", "low"), ("left", "right")),
    *(("entry", "exit"), ("start", "end"), ("first", "last")),
    *(("open_rate", "close_rate"), ("fee_open", "fee_close"), ("open_date", "close_date")),
    *(("enter_long", "enter_short"), ("exit_long", "exit_short")),
)
OTHER_SIDE = {each: other for one, two in _PAIRS for each, other in ((one, two), (two, one))}
"""Names and texts that are taken for each other, and what would then stand there."""
SYMMETRIC = {"min", "max", "maximum", "minimum", "fmax", "fmin", "isclose", "isinstance", "hypot"}
"""Functions whose arguments may be swapped, or whose swapped arguments are no likely fault."""
LOGS = {"debug", "info", "warning", "error", "exception", "critical"}
CHECKS = {"expect"}
"""Functions that check what Freqtrade has: as with an assertion, asking for less passes too."""
TYPING = {"TypeVar", "NewType", "ParamSpec", "cast", "field_validator", "model_validator"}


class Mutant(NamedTuple):
    """One fault: its kind, where it is (line, qualified function, the line's text), what stood
    there and what stands there now, in source; ``start`` … ``end`` of the bytes are replaced, which
    are a whole statement or an expression."""

    kind: str
    line: int
    function: str
    text: str
    before: str
    after: str
    start: int
    end: int
    statement: bool

    @property
    def key(self) -> str:
        """What names the mutant in its function, whatever the line's number."""
        short = self.before if self.before == self.text else f"{self.text}  |  {self.before}"
        return f"{short}  ->  {self.after}"


def mutants(source: str, optional: Mapping[str, frozenset[str]] | None = None) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of its lines.

    :param optional: what may be left out when a function of a name is called
    """
    finder = _Finder(source, optional or {})
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda each: (each.line, each.start, each.after))


def mutated(source: str, mutant: Mutant) -> str:
    """Return the source with one fault in it, on as many lines as before."""
    code = source.encode()
    old = code[mutant.start : mutant.end]
    gap = "\n" * (old.count(b"\n") - mutant.after.encode().count(b"\n"))
    new = mutant.after + gap if mutant.statement or not gap else _wrapped(mutant.after, gap)
    return (code[: mutant.start] + new.encode() + code[mutant.end :]).decode()


def _wrapped(text: str, gap: str) -> str:
    """Return a text with the line ends that it lost, where a statement or expression allows."""
    return f"{text[:-1]}{gap})" if text.endswith(")") else f"({text}{gap})"


def optional_arguments(sources: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return which arguments may be left out, by the name of a function or class of ``sources``.

    A name that two functions share has what both may leave out.
    """
    found: dict[str, set[str]] = {}
    for source in sources.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = _with_defaults(node.args)
            elif isinstance(node, ast.ClassDef):
                names = {
                    each.target.id
                    for each in node.body
                    if isinstance(each, ast.AnnAssign)
                    and isinstance(each.target, ast.Name)
                    and each.value is not None
                }
            else:
                continue
            found[node.name] = found[node.name] & names if node.name in found else names
    return {name: frozenset(names) for name, names in found.items()}


def _with_defaults(arguments: ast.arguments) -> set[str]:
    places = [*arguments.posonlyargs, *arguments.args]
    named = places[len(places) - len(arguments.defaults) :]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {each.arg for each in named} | {each.arg for each, value in keywords if value}


class _Finder(ast.NodeVisitor):
    """Goes through a module and notes each fault that a place allows."""

    def __init__(self, source: str, optional: Mapping[str, frozenset[str]]) -> None:
        self.found: list[Mutant] = []
        self._lines = source.splitlines()
        code = source.encode()
        self._starts = [0]
        for line in code.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._optional, self._names = optional, [""]

    def _note(self, kind: str, node: ast.expr | ast.stmt, after: str | ast.AST) -> None:
        """Note that ``after`` may stand in a node's place."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        text = after if isinstance(after, str) else ast.unparse(after)
        if isinstance(after, ast.expr) and not isinstance(
            after, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.List | ast.Dict
        ):
            text = f"({text})"
        self.found.append(
            Mutant(
                kind,
                node.lineno,
                self._names[-1],
                self._lines[node.lineno - 1].strip(),
                ast.unparse(node),
                text,
                self._starts[node.lineno - 1] + node.col_offset,
                self._starts[node.end_lineno - 1] + node.end_col_offset,
                isinstance(node, ast.stmt),
            )
        )

    # ---- what is left out -----------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        """Leave it out."""

    visit_ImportFrom = visit_JoinedStr = visit_Assert = visit_arg = visit_Import  # type: ignore[assignment]

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Look at the body."""
        self._inside(node.name, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Look at the defaults and the body."""
        defaults = (*node.args.defaults, *node.args.kw_defaults)
        self._inside(node.name, [*(each for each in defaults if each), *node.body])

    visit_AsyncFunctionDef = visit_FunctionDef

    def _inside(self, name: str, body: Sequence[ast.AST]) -> None:
        self._names.append(f"{self._names[-1]}.{name}".lstrip("."))
        for each in body:
            self.visit(each)
        self._names.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Look at the value."""
        if node.value is not None and ast.unparse(node.annotation) != "TypeAlias":
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Look at the value, and at an index unless it is one of types."""
        self.visit(node.value)
        if isinstance(node.slice, ast.Tuple):
            for each in node.slice.elts:
                self.visit(each)
        else:
            self.visit(node.slice)

    # ---- statements ------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        """An assignment that others see can be lost."""
        if any(isinstance(each, ast.Name) and each.id == "__all__" for each in node.targets):
            return
        if all(isinstance(each, ast.Attribute | ast.Subscript) for each in node.targets):
            self._note("lost assignment", node, "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """A step can go the other way, or be lost."""
        if type(node.op) in ARITHMETIC:
            self._note("sign", node, _with(node, op=ARITHMETIC[type(node.op)]()))
        self._note("lost assignment", node, "pass")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call can be lost."""
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call) and (_is_log(call) or _last_name(call.func) in CHECKS):
            return
        if isinstance(call, ast.Constant):
            return
        if isinstance(call, ast.Call):
            self._note("lost call", node, "pass")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """A refusal can be lost."""
        if node.exc is not None:
            self._note("lost refusal", node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        """An answer can be lost."""
        if node.value is not None:
            if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                self._note("lost answer", node, "return None")
            self.visit(node.value)

    def visit_Break(self, node: ast.Break) -> None:
        """A loop goes on."""
        self._note("condition", node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        """A loop ends."""
        self._note("condition", node, "break")

    def visit_If(self, node: ast.If | ast.While | ast.IfExp) -> None:
        """A condition can be the other way round."""
        text = ast.unparse(node.test)
        if text == "TYPE_CHECKING" or text.startswith("__name__"):
            return
        if not _has_operator(node.test) and not isinstance(node.test, ast.Constant):
            self._note("condition", node.test, ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_If

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """A filter can be lost."""
        for each in node.ifs:
            self._note("condition", each, "True")
        self.generic_visit(node)

    # ---- expressions -----------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        """A boundary can be inside or outside, an order the other way round."""
        for at, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                kind = (
                    "boundary" if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) else ""
                )
                self._note(kind or "condition", node, _with(node, ops=ops))
            if isinstance(node.comparators[at], ast.Tuple):
                self._entries(node.comparators[at])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """A sign can be wrong, two sides swapped."""
        if _is_union(node) or _is_text(node):
            return
        if type(node.op) in ARITHMETIC:
            self._note("sign", node, _with(node, op=ARITHMETIC[type(node.op)]()))
        if isinstance(node.op, ast.Sub | ast.Div) and _differ(node.left, node.right):
            self._note("swapped", node, _with(node, left=node.right, right=node.left))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """A part of a condition can be forgotten, or be another's alternative."""
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._note("condition", node, _with(node, op=other))
        for each in node.values:
            self._note("condition", each, str(isinstance(node.op, ast.And)))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """A sign or a ``not`` can be forgotten."""
        if isinstance(node.op, ast.USub):
            self._note("sign", node, f"(+{ast.unparse(node.operand)})")
        elif isinstance(node.op, ast.Not):
            self._note("condition", node, f"bool({ast.unparse(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A number can be off by one, a side be the other."""
        value = node.value
        if isinstance(value, bool):
            self._note("constant", node, repr(not value))
        elif isinstance(value, int):
            self._note("constant", node, repr(value + 1))
            self._note("constant", node, f"({value - 1!r})")
        elif isinstance(value, float):
            self._note("constant", node, repr(value * 2 or 1.0))
        elif isinstance(value, str) and value in OTHER_SIDE:
            self._note("swapped", node, repr(OTHER_SIDE[value]))

    def visit_Name(self, node: ast.Name) -> None:
        """A function can be its counterpart."""
        if node.id in ("min", "max", "any", "all") and isinstance(node.ctx, ast.Load):
            self._note("swapped", node, OTHER_SIDE[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A side can be the other."""
        if node.attr in OTHER_SIDE and isinstance(node.ctx, ast.Load):
            self._note("swapped", node, _with(node, attr=OTHER_SIDE[node.attr]))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """An argument can be forgotten, or stand in another's place."""
        name = _last_name(node.func)
        if name in CHECKS:
            return
        if name in TYPING:
            for each in node.args[1:]:
                self.visit(each)
            return
        for at, keyword in enumerate(node.keywords):
            if keyword.arg and (name == "replace" or keyword.arg in self._optional.get(name, ())):
                left = [*node.keywords[:at], *node.keywords[at + 1 :]]
                self._note("missing argument", node, _with(node, keywords=left))
        if len(node.args) >= 2 and name not in SYMMETRIC:
            first, second, *rest = node.args
            if _is_plain(first) and _is_plain(second) and _differ(first, second):
                self._note("swapped", node, _with(node, args=[second, first, *rest]))
        if name == "get" and node.args and _is_string(node.args[0]):
            assert isinstance(node.args[0], ast.Constant)
            self._note("missing key", node.args[0], repr(f"{node.args[0].value!s}_"))
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(each, ast.Tuple):
                self._entries(each)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        """An entry can be forgotten."""
        if len(node.keys) > TABLE:
            return
        for at in range(len(node.keys)):
            keys = [*node.keys[:at], *node.keys[at + 1 :]]
            values = [*node.values[:at], *node.values[at + 1 :]]
            self._note("missing key", node, _with(node, keys=keys, values=values))
        self.generic_visit(node)

    def visit_List(self, node: ast.List | ast.Set) -> None:
        """An entry can be forgotten."""
        if len(node.elts) > TABLE:
            return
        if len(node.elts) > 1 and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            self._entries(node)
        self.generic_visit(node)

    visit_Set = visit_List

    def visit_Tuple(self, node: ast.Tuple) -> None:
        """Look inside, unless it is a table."""
        if len(node.elts) <= TABLE:
            self.generic_visit(node)

    def _entries(self, node: ast.expr) -> None:
        assert isinstance(node, ast.Tuple | ast.List | ast.Set)
        if 1 < len(node.elts) <= TABLE:
            for at in range(len(node.elts)):
                left = [*node.elts[:at], *node.elts[at + 1 :]]
                self._note("missing key", node, _with(node, elts=left))


def _with(node: ast.AST, **changed: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _is_log(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute):
        return _last_name(function) in ("print", "log_once")
    return function.attr in LOGS and "log" in ast.unparse(function.value).lower()


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def _differ(one: ast.expr, two: ast.expr) -> bool:
    return ast.dump(one) != ast.dump(two)


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(s, ast.JoinedStr) or _is_string(s) for s in (node.left, node.right))


def _is_union(node: ast.BinOp) -> bool:
    """Tell whether ``|`` joins types: those of the language, or names in capitals' case."""
    if not isinstance(node.op, ast.BitOr):
        return False
    sides = [_last_name(side) for side in (node.left, node.right)]
    return any(
        side in ("int", "float", "str", "bool", "bytes", "dict", "list") or side[:1].isupper()
        for side in sides
    ) or any(isinstance(s, ast.Constant) and s.value is None for s in (node.left, node.right))


def _has_operator(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare | ast.BoolOp) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )
