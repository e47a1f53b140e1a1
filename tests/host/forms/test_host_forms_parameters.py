"""One table of options checks a config and draws FreqUI's form."""

from typing import Any

import pytest
from freqtrade.exceptions import ConfigurationError

from freqpilot.host.forms.parameters import Parameter, checked, forms
from freqpilot.settings import Settings

SHARE = Parameter(description="share", help="", default=0.2, above=0, below=1)
HOURS = Parameter(description="hours", help="", default=4, whole=True, least=1, most=24)
SIDE = Parameter(description="side", help="", default="long", kind="option", options=("long",))
LIST = Parameter(description="list", help="", default=("a",), kind="list", options=("a", "b"))
LOSS = Parameter(description="loss", help="", setting="risk.daily_loss", optional=True)
TABLE = {"share": SHARE, "hours": HOURS, "side": SIDE, "list": LIST, "loss": LOSS}


def check(**given: Any) -> dict[str, Any]:
    return checked("Mine", given, TABLE, Settings(), place="my config")


@pytest.mark.parametrize(
    ("parameter", "value", "wanted"),
    [
        (SHARE, 0, "a number between 0 and 1"),
        (SHARE, 1, "a number between 0 and 1"),
        (SHARE, 0.999, None),
        (HOURS, 0, "a whole number at least 1 and at most 24"),
        (HOURS, 1, None),
        (HOURS, 24, None),
        (HOURS, 1.5, "a whole number at least 1 and at most 24"),
        (HOURS, None, "a whole number at least 1 and at most 24"),
        (LOSS, None, None),
        (SIDE, "short", "one of long"),
        (LIST, [], "a list of a, b"),
        (LIST, ["b", "c"], "a list of a, b"),
        (LIST, ["b"], None),
    ],
)
def test_a_value_outside_of_its_bounds_is_refused(
    parameter: Parameter, value: Any, wanted: str | None
) -> None:
    assert parameter.fault(value) == wanted


def test_what_is_not_given_has_its_default_and_whole_numbers_are_int() -> None:
    found = check(hours=3.0)
    assert found["share"] == 0.2
    assert isinstance(found["hours"], int)
    assert found["loss"] == Settings().risk.daily_loss
    assert found["list"] == ["a"]


def test_an_unknown_option_and_a_wrong_value_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"hour; did you mean hours\..*mend my config"):
        check(hour=3)
    with pytest.raises(ConfigurationError, match="needs share to be a number between 0 and 1"):
        check(share=2)


def test_a_form_shows_the_default_and_the_choice() -> None:
    shown = forms(TABLE)
    assert shown["side"] | {"help": ""} == {
        "type": "option",
        "default": "long",
        "options": ["long"],
        "description": "side",
        "help": "",
    }
    assert shown["loss"]["default"] == Settings().risk.daily_loss
