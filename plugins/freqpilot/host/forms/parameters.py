"""The options of a pairlist or protection: one table that checks a config and draws FreqUI's form.

A default can stand in Freqpilot's settings instead of the table, so that a number has one place.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from freqpilot.risk.soundness import is_number
from freqpilot.settings import Settings

Kind = Literal["number", "string", "option", "list", "boolean"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One option: what FreqUI shows of it, and what it may be.

    ``above`` and ``below`` are bounds that a number must not touch, ``least`` and ``most`` ones
    that it may. ``setting`` is where its default stands in the ``freqpilot`` section, as
    ``risk.daily_loss``; ``optional`` ones may be null.
    """

    description: str
    help: str
    default: Any = None
    kind: Kind = "number"
    setting: str = ""
    whole: bool = False
    optional: bool = False
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    options: tuple[str, ...] = ()

    def standard(self, settings: Settings) -> Any:
        """Return the default; lists come as a copy."""
        value: Any = self.default
        if self.setting:
            value = settings
            for name in self.setting.split("."):
                value = getattr(value, name)
        return list(value) if isinstance(value, list | tuple) else value

    def fault(self, value: Any) -> str | None:
        """Return what is asked of the value when it is not that, else None."""
        if value is None and self.optional:
            return None
        if self.kind == "number":
            return None if self._fits(value) else self._wanted()
        if self.kind == "boolean":
            return None if isinstance(value, bool) else "true or false"
        if self.kind == "list":
            known = isinstance(value, list) and value and all(v in self.options for v in value)
            return None if known else f"a list of {', '.join(self.options)}"
        if self.kind == "option":
            return None if value in self.options else f"one of {', '.join(self.options)}"
        return None if isinstance(value, str) and value else "a text"

    def form(self, settings: Settings) -> dict[str, Any]:
        """Return the option as Freqtrade's ``available_parameters`` has it."""
        shown = {"type": self.kind, "default": self.standard(settings)}
        if self.kind == "option":
            shown["options"] = list(self.options)
        return {**shown, "description": self.description, "help": self.help}

    def _fits(self, value: Any) -> bool:
        return (
            is_number(value)
            and (not self.whole or int(value) == value)
            and (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.below is None or value < self.below)
            and (self.most is None or value <= self.most)
        )

    def _wanted(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.above is not None and self.below is not None:
            return f"{kind} between {self.above:g} and {self.below:g}"
        bounds = (
            ("above", self.above),
            ("at least", self.least),
            ("below", self.below),
            ("at most", self.most),
        )
        words = [f"{word} {bound:g}" for word, bound in bounds if bound is not None]
        return " ".join([kind, " and ".join(words)]).strip()


Parameters = Mapping[str, Parameter]


def forms(parameters: Parameters) -> dict[str, Any]:
    """Return all options as Freqtrade's ``available_parameters`` has them."""
    settings = Settings()
    return {name: parameter.form(settings) for name, parameter in parameters.items()}


def checked(
    owner: str,
    given: Mapping[str, Any],
    parameters: Parameters,
    settings: Settings,
    *,
    place: str,
    note: str = "",
) -> dict[str, Any]:
    """Return every option's value: the given one, else its default. Whole numbers come as int.

    :param place: which part of the user's files is to be mended, for the message.
    :param note: what is said besides when an option is not known.
    :raises ConfigurationError: for an option that is unknown, with the nearest that is, or one
        whose value cannot be.
    """
    from freqtrade.exceptions import ConfigurationError

    for name in given:
        if name != "method" and name not in parameters:
            raise ConfigurationError(
                f"{owner} does not know {name}; {_nearest(name, parameters)}.{note} Nothing is "
                f"started and open trades are untouched; please mend {place}."
            )
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        value = given.get(name, parameter.standard(settings))
        if wanted := parameter.fault(value):
            raise ConfigurationError(
                f"{owner} needs {name} to be {wanted}, not {value!r}. Nothing is started and open "
                f"trades are untouched; please mend {place}."
            )
        values[name] = int(value) if parameter.whole and value is not None else value
    return values


def _nearest(name: str, parameters: Parameters) -> str:
    near = difflib.get_close_matches(name, parameters, n=1, cutoff=0.6)
    return f"did you mean {near[0]}" if near else f"it takes {', '.join(parameters)}"
