"""What a seam is: one place where Freqpilot meets Freqtrade, checked before it is used."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from freqpilot.errors import RefuseToStart

MARK = "__freqpilot_seam__"


@dataclass(frozen=True)
class Seam:
    """A named place in Freqtrade. ``check`` raises :class:`SeamError` when the installed version
    does not fit; ``apply`` puts the adapter in place and may be called more than once."""

    name: str
    purpose: str
    check: Callable[[], None]
    apply: Callable[[], None]


class SeamError(RefuseToStart):
    """The installed Freqtrade does not have a place that Freqpilot needs."""


def expect(owner: Any, name: str, parameters: Iterable[str] = ()) -> Any:
    """Return ``owner.name`` as Freqtrade defines it, after checking its parameters.

    :raises SeamError: when it is missing or lacks a parameter.
    """
    where = f"{getattr(owner, '__module__', '')}.{getattr(owner, '__name__', owner)}".lstrip(".")
    target = inspect.getattr_static(owner, name, None)
    if target is None:
        raise SeamError(f"{where}.{name} does not exist in this Freqtrade")
    plain = target.__func__ if isinstance(target, (classmethod, staticmethod)) else target
    wrapped = getattr(plain, "__wrapped__", plain)
    if parameters:
        have = inspect.signature(wrapped).parameters
        missing = [p for p in parameters if p not in have]
        if missing:
            raise SeamError(f"{where}.{name} has no parameter {', '.join(missing)}")
    return target


def wrap(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace ``owner.name`` by ``make(original)``, once; class and static methods stay such."""
    target = inspect.getattr_static(owner, name)
    kind = type(target) if isinstance(target, (classmethod, staticmethod)) else None
    plain = target.__func__ if kind else target
    if getattr(plain, MARK, False):
        return
    replacement = make(plain)
    replacement.__wrapped__ = plain  # type: ignore[attr-defined]
    replacement.__name__ = getattr(plain, "__name__", name)
    replacement.__doc__ = plain.__doc__
    setattr(replacement, MARK, True)
    setattr(owner, name, kind(replacement) if kind else replacement)


def is_wrapped(owner: Any, name: str) -> bool:
    """Tell whether :func:`wrap` has replaced ``owner.name``."""
    target = inspect.getattr_static(owner, name, None)
    plain = target.__func__ if isinstance(target, (classmethod, staticmethod)) else target
    return bool(getattr(plain, MARK, False))
