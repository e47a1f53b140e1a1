"""Freqtrade's own behaviour stays: where nothing is vetoed, what stands in the place of one of its
functions gives it the same arguments and gives back the same result or exception.

Each place of the table of seams is either called here, with the supervisor off and with limits wide
enough for anything, or named in ``BY_DESIGN`` with the reason why it differs.
"""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import pytest
from freqtrade.configuration import Configuration
from freqtrade.persistence import LocalTrade, Trade
from seam_stage import CASES

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.boot import reload, start
from freqpilot.host.loop import live as loop
from freqpilot.host.run.current import current, end
from freqpilot.host.seams.seam import Place, wrap

WIDE: dict[str, Any] = {
    "tiers": [
        {
            "name": "Wide",
            "equity_from": 0,
            "risk_per_trade": 1.0,
            "max_position": 1.0,
            "max_open_trades": 1000,
            "max_leverage": 100,
        }
    ],
    "max_exposure": 1.0,
    "max_exchange_exposure": 1.0,
    "report_only": ["max_meme_position", "max_class", "max_sector", "book"],
    "market": {"enabled": False},
    "book": {"enabled": False},
}
SECTIONS: dict[str, dict[str, Any]] = {
    "supervisor off": {"supervisor": False},
    "wide limits": {"risk": WIDE},
}
BY_DESIGN = {
    "configuration.process_temporary_deprecated_settings": "the end of the configuration: the "
    "freqpilot section is checked and digests and the carrier join it",
    "Backtesting.reset_backtest": "a run begins with it, in the place of the one under way",
    "LookaheadAnalysisSubFunctions.initialize_single_lookahead_analysis": "the analysis is given a "
    "config without the account's past",
    "FreqaiDataKitchen.split_timerange": "the last window ends one candle later",
    "FreqaiDataKitchen.set_paths": "the folder bears the whole pair",
    "FreqaiDataKitchen.set_new_model_names": "files bear the whole pair",
    "FreqaiDataDrawer.save_data": "a model's folder appears whole, so it is written beside first",
    "FreqaiDataDrawer.purge_old_models": "what is in use is never purged",
    "FreqaiDataDrawer.save_drawer_to_disk": "the file is replaced whole",
    "FreqaiDataDrawer.save_historic_predictions_to_disk": "the file is replaced whole",
    "FreqaiDataDrawer.save_global_metadata_to_disk": "the file is replaced whole",
    "FreqaiDataDrawer.save_metric_tracker_to_disk": "the file is replaced whole",
    "FreqaiDataDrawer.load_drawer_from_disk": "a file that cannot be read is set aside",
    "FreqaiDataDrawer.load_historic_predictions_from_disk": "a pickle is read only as it was "
    "written",
}
"""Places that change results also where nothing is vetoed; each has tests of its own."""


class Fault(Exception):
    """What Freqtrade's own function raises here."""


def short(place: Place) -> str:
    """Return a place's name as the page of seams has it."""
    module, _, path = place.at.partition(":")
    return path if "." in path else f"{module.rpartition('.')[2]}.{path}"


PLACES = {
    short(place): place
    for seam in start.all_seams()
    for place in seam.places
    if place.make is not None
}


def original_of(place: Place) -> tuple[Callable[..., Any], type[Any] | None]:
    """Return Freqtrade's own function, and whether it is a class or static method."""
    found = inspect.getattr_static(*place.owner())
    kind = type(found) if isinstance(found, (classmethod, staticmethod)) else None
    return inspect.unwrap(found.__func__ if kind else found), kind


class Original:
    """Stands for Freqtrade's function: keeps what it is called with, and answers as it is told."""

    def __init__(self, function: Callable[..., Any], answer: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self.signature = inspect.signature(function)

        @wraps(function)
        def stand_in(*given: Any, **named: Any) -> Any:
            self.calls.append(dict(self.signature.bind(*given, **named).arguments))
            if isinstance(answer, Fault):
                raise answer
            return answer

        self.stand_in = stand_in


@pytest.fixture(params=SECTIONS)
def _run(request: pytest.FixtureRequest) -> Iterator[None]:
    """A run that has nothing to veto, whose account was just seen."""
    begin({"freqpilot": SECTIONS[request.param], "stake_currency": "USDT"}, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trade, "get_open_trades", staticmethod(list))
        patch.setattr(LocalTrade, "bt_trades_open", [])
        patch.setattr(LocalTrade, "bt_trades", [])
        patch.setattr(reload, "RELOADS", reload.Reloads())
        # What the bot does beside Freqtrade's own work has tests of its own.
        for name in ("before_loop", "after_loop", "observe"):
            patch.setattr(loop, name, lambda _: None)
        patch.setattr(loop, "_begin", lambda _: current())
        patch.setattr(loop.sending, "install", lambda _: None)
        patch.setattr(loop.fills, "install", lambda _: None)
        patch.setattr(loop.funding, "install", lambda _: None)
        patch.setattr(reload, "check", lambda *_: None)
        patch.setattr(reload, "try_strategy", lambda *_: None)
        patch.setattr(Configuration, "get_config", lambda _: {})
        patch.setattr(Configuration, "__init__", lambda *_: None)
        yield
    end()


def call(place: Place, answer: Any, *, by_name: bool) -> tuple[Any, Original, dict[str, Any]]:
    """Call what stands in a place; return its result, the original and what was to reach it."""
    case = CASES[short(place)]
    function, kind = original_of(place)
    original = Original(function, answer)
    owner = type("Owner", (), {place.owner()[1]: kind(original.stand_in) if kind else None})
    if kind is None:
        setattr(owner, place.owner()[1], original.stand_in)
    assert place.make is not None
    wrap(owner, place.owner()[1], place.make)
    replaced = inspect.getattr_static(owner, place.owner()[1])
    replaced = replaced.__func__ if kind else replaced
    given = case.given()
    names = [*original.signature.parameters]
    first = [] if case.own is None else [case.own()]
    wanted = {**dict(zip(names, first, strict=False)), **given}
    kinds = {name: each.kind for name, each in original.signature.parameters.items()}
    by_place = [
        value
        for name, value in given.items()
        if not by_name and kinds[name] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    named = dict(list(given.items())[len(by_place) :])
    return replaced(*first, *by_place, **named), original, wanted


def test_each_place_is_called_here_or_differs_for_a_reason() -> None:
    assert CASES.keys() | BY_DESIGN.keys() == PLACES.keys()
    assert not CASES.keys() & BY_DESIGN.keys()


@pytest.mark.parametrize("name", PLACES)
def test_the_signature_stays(name: str) -> None:
    function, kind = original_of(PLACES[name])
    owner = type("Owner", (), {name: kind(function) if kind else function})
    maker = PLACES[name].make
    assert maker is not None
    wrap(owner, name, maker)
    replaced = inspect.getattr_static(owner, name)
    plain = replaced.__func__ if kind else replaced
    assert plain is not function
    assert isinstance(replaced, kind or object)
    assert inspect.signature(plain) == inspect.signature(function)
    assert (plain.__name__, plain.__doc__) == (function.__name__, function.__doc__)


@pytest.mark.usefixtures("_run")
@pytest.mark.parametrize("by_name", [False, True], ids=["by place", "by name"])
@pytest.mark.parametrize("name", CASES)
def test_arguments_and_result_stay(name: str, by_name: bool) -> None:
    case = CASES[name]
    answer = case.answer()
    result, original, wanted = call(PLACES[name], answer, by_name=by_name)
    result = case.seen(result)
    assert result is answer or result == answer
    (seen,) = original.calls
    assert seen.keys() == wanted.keys()
    for each, value in wanted.items():
        assert seen[each] is value or seen[each] == value, each


@pytest.mark.usefixtures("_run")
@pytest.mark.parametrize("name", CASES)
def test_exceptions_stay(name: str) -> None:
    fault = Fault("of Freqtrade")
    with pytest.raises(Fault) as raised:
        CASES[name].seen(call(PLACES[name], fault, by_name=True)[0])
    assert raised.value is fault
