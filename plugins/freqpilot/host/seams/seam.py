"""What a seam is: the places where Freqpilot meets Freqtrade, checked before they are used."""

import dis
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from freqpilot.errors import RefuseToStart

MARK = "__freqpilot_seam__"
Maker = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Takes Freqtrade's own function and returns what stands in its place."""


class SeamError(RefuseToStart):
    """The installed Freqtrade does not have a place that Freqpilot needs."""


@dataclass(frozen=True)
class Place:
    """One name of Freqtrade that Freqpilot uses or replaces.

    :param at: where it is, as ``"freqtrade.worker:Worker._sleep"`` or ``"freqtrade.misc:chunks"``.
    :param parameters: the parameters that it must have; more may be there.
    :param make: makes its replacement; None where Freqpilot only uses it.
    """

    at: str
    parameters: Sequence[str] = ()
    make: Maker | None = None

    def owner(self) -> tuple[Any, str]:
        """Return the module or class that holds the name, and the name.

        :raises SeamError: when there is no such module or class.
        """
        module, _, path = self.at.partition(":")
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # something that Freqtrade itself imports
            raise SeamError(f"{error.name} does not exist in this Freqtrade") from None
        *classes, name = path.split(".")
        for each in classes:
            found = getattr(found, each, None)
            if found is None:
                raise SeamError(f"{module}.{each} does not exist in this Freqtrade")
        return found, name

    def check(self) -> None:
        """:raises SeamError: when the installed Freqtrade does not fit."""
        expect(*self.owner(), self.parameters)

    def apply(self) -> None:
        """Put the replacement in place, once; a place that is only used stays as it is."""
        if self.make is not None:
            wrap(*self.owner(), self.make)


def uses(owner: str, *names: str) -> tuple[Place, ...]:
    """Return the places of what is only used of a class or module, whatever its parameters.

    :param owner: the class or module, as ``"freqtrade.worker:Worker"`` or ``"freqtrade.misc"``.
    """
    between = "." if ":" in owner else ":"
    return tuple(Place(f"{owner}{between}{name}") for name in names)


@dataclass(frozen=True)
class Seam:
    """What Freqpilot needs of Freqtrade for one purpose. It fits whole or not at all.

    :param purpose: what Freqpilot does here, as the end of the sentence "Freqpilot needs this to".
    :param until: what Freqtrade would have to offer so that this seam can go.
    :param places: all that is used or replaced.
    :param also: checks what is more than a name and its parameters; raises :class:`SeamError`.
    """

    name: str
    purpose: str
    until: str
    places: tuple[Place, ...] = ()
    also: Callable[[], None] | None = None

    def check(self) -> None:
        """:raises SeamError: when the installed Freqtrade does not fit."""
        for place in self.places:
            place.check()
        if self.also is not None:
            self.also()

    def apply(self) -> None:
        """Put the replacements in place; it may be called again."""
        for place in self.places:
            place.apply()

    def is_applied(self) -> bool:
        """Tell whether everything that this seam replaces is replaced."""
        return all(is_wrapped(*place.owner()) for place in self.places if place.make is not None)


def expect(owner: object, name: str, parameters: Sequence[str] = ()) -> Any:
    """Return ``owner.name`` as Freqtrade defines it, after checking its parameters.

    :raises SeamError: when it is missing or lacks a parameter.
    """
    where = f"{getattr(owner, '__module__', '')}.{getattr(owner, '__name__', owner)}".lstrip(".")
    target = inspect.getattr_static(owner, name, None)
    if target is None and not (isinstance(owner, type) and name in _attributes(owner)):
        raise SeamError(f"{where}.{name} does not exist in this Freqtrade")
    plain = target.__func__ if isinstance(target, (classmethod, staticmethod)) else target
    wrapped = getattr(plain, "__wrapped__", plain)
    if parameters:
        have = inspect.signature(wrapped).parameters
        missing = [p for p in parameters if p not in have]
        if missing:
            raise SeamError(f"{where}.{name} has no parameter {', '.join(missing)}")
    return target


@cache
def _attributes(owner: type) -> frozenset[str]:
    """Return what a class declares as attributes of its objects, and what its functions set."""
    found: set[str] = set()
    for base in owner.__mro__:
        found |= set(vars(base).get("__annotations__", {}))
        functions = [inspect.unwrap(each) for each in vars(base).values() if callable(each)]
        codes = [code for each in functions if (code := getattr(each, "__code__", None))]
        steps = (step for code in codes for step in dis.get_instructions(code))
        found |= {step.argval for step in steps if step.opname == "STORE_ATTR"}
    return frozenset(found)


def wrap(owner: object, name: str, make: Maker) -> None:
    """Replace ``owner.name`` by ``make(original)``, once; class and static methods stay such.
    Nothing is replaced where ``make`` returns the original."""
    target = inspect.getattr_static(owner, name)
    kind = type(target) if isinstance(target, (classmethod, staticmethod)) else None
    plain = target.__func__ if kind else target
    if getattr(plain, MARK, False) is True:
        return
    replacement = make(plain)
    if replacement is plain:
        return
    replacement.__wrapped__ = plain  # type: ignore[attr-defined]
    replacement.__name__ = getattr(plain, "__name__", name)
    replacement.__doc__ = plain.__doc__
    setattr(replacement, MARK, True)
    setattr(owner, name, kind(replacement) if kind else replacement)


def is_wrapped(owner: object, name: str) -> bool:
    """Tell whether :func:`wrap` has replaced ``owner.name``."""
    target = inspect.getattr_static(owner, name, None)
    plain = target.__func__ if isinstance(target, (classmethod, staticmethod)) else target
    return getattr(plain, MARK, False) is True
