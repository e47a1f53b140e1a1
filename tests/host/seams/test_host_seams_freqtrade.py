"""What Freqpilot uses of Freqtrade's objects is typed, and checked against the installed one."""

import ast
import inspect
from pathlib import Path
from typing import Any, Protocol

import pytest

import freqpilot.host
from freqpilot.host.boot import start
from freqpilot.host.seams import activation, freqtrade
from freqpilot.host.seams.seam import Place, SeamError, expect

HOST = Path(str(freqpilot.host.__file__)).parent
MOST_ANY = 0.02
"""Largest share of parameters that may be of any type."""


def parameters(file: Path) -> list[ast.arg]:
    """Return the parameters of a file's functions, without those that need no type."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = node.args
            every = [*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg]
            found += [each for each in every if each is not None and each.annotation is not None]
    return found


def test_hardly_a_parameter_of_host_is_of_any_type() -> None:
    files = [file for file in HOST.rglob("*.py") if file != Path(str(freqtrade.__file__))]
    known = [each for file in files for each in parameters(file)]
    loose = [each for each in known if ast.unparse(each.annotation) in ("Any", "Any | None")]  # type: ignore[arg-type]
    assert len(known) > 1_000
    assert len(loose) <= MOST_ANY * len(known), sorted(each.arg for each in loose)


def protocols() -> list[type]:
    found = [each for _, each in inspect.getmembers(freqtrade, inspect.isclass)]
    return [each for each in found if getattr(each, "_is_protocol", False) and each is not Protocol]


def test_each_type_is_checked_by_a_seam() -> None:
    checked = {place.at.partition(":")[2] for seam in start.all_seams() for place in seam.places}
    for protocol in protocols():
        if protocol is not freqtrade.Api:  # ccxt's
            names = {place.at.partition(":")[2] for place in freqtrade.uses_of(protocol, "x:Y")}
            assert names
            assert all(any(each.endswith(name[1:]) for each in checked) for name in names), protocol


class Bot(Protocol):
    config: dict[str, Any]

    def close(self, trade: Any, rate: float, /, *, reason: str) -> None: ...


def test_a_type_names_its_attributes_and_methods_with_their_parameters() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freqtrade, "__name__", __name__)
        assert freqtrade.uses_of(Bot, "freqtrade.bot:Bot") == (
            Place("freqtrade.bot:Bot.close", ["trade", "rate", "reason"]),
            Place("freqtrade.bot:Bot.config", ()),
        )


class Stock:
    declared: int

    def __init__(self) -> None:
        self.made = 1

    def later(self, other: Any) -> int:
        self.found = other.read
        return self.found + other.made


@pytest.mark.parametrize("name", ["declared", "made", "found", "later"])
def test_an_attribute_of_objects_is_found(name: str) -> None:
    expect(Stock, name)


@pytest.mark.parametrize("name", ["read", "gone"])
def test_an_attribute_that_is_only_read_is_none(name: str) -> None:
    with pytest.raises(SeamError, match=f"Stock.{name} does not exist"):
        expect(Stock, name)


def test_a_freqtrade_with_other_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from freqtrade.freqtradebot import FreqtradeBot

    assert activation.fault_of(freqtrade.LIVE) is None
    monkeypatch.setattr(FreqtradeBot, "emergency_exit", lambda self, trade: None)
    fault = activation.fault_of(freqtrade.LIVE)
    assert fault is not None
    assert fault.endswith("FreqtradeBot.emergency_exit has no parameter price")
