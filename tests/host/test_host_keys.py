"""What names a kept model: each setting that makes another model is in its key, no other one is.

Each field of a section is varied by itself, so a field that is added later is asked about too.
"""

import typing
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pool_stage import PoolStage, candles_of
from pydantic import BaseModel, ValidationError

from freqpilot.host.boot.digests import FREQAI_KEYS, stamp_identifier
from freqpilot.host.freqai.pooled import pool
from freqpilot.host.freqai.pooled.forecaster import STRATEGY, stamp_pairs
from freqpilot.models.trees.boosting import TreesRegressor
from freqpilot.settings import ModelSettings, Settings

DAY = 86_400


def candidates(value: Any, annotation: Any) -> Iterator[Any]:
    """Yield other values for a field, nearest first."""
    if typing.get_origin(annotation) is typing.Literal:
        yield from (each for each in typing.get_args(annotation) if each != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value + 4)
    elif isinstance(value, float):
        yield from (value * 1.01, value * 0.99)
    elif isinstance(value, tuple):
        yield ("01:00-05:00",)


def variations(section: BaseModel) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each field's path in a section with what to write there to change it."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            for inner, change in variations(value):
                yield f"{name}.{inner}", {name: change}
            continue
        yield name, {name: _other(section, name, candidates(value, field.annotation))}


def _other(section: BaseModel, name: str, found: Iterator[Any]) -> Any:
    for each in found:
        try:
            type(section).model_validate({name: each})
        except ValidationError:
            continue
        return each
    raise AssertionError(f"no other value is known for {name}")


LABELS = [(f"labels.{path}", {"labels": change}) for path, change in variations(Settings().labels)]
MODELS = [(f"models.{path}", {"models": change}) for path, change in variations(ModelSettings())]
SEED = ("seed", {"seed": Settings().seed + 1})


def of(*parts: str) -> list[Any]:
    """Return the variations of these parts of the models' settings."""
    return [pytest.param(change, id=path) for path, change in MODELS if path.split(".")[1] in parts]


def all_of(found: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(change, id=path) for path, change in found]


def test_every_part_of_the_models_settings_is_asked_about() -> None:
    parts = {path.split(".")[1] for path, _ in MODELS}
    assert parts == {"edge", "training", "sequences", "guard", "pooled"}
    assert len(LABELS) == len(type(Settings().labels).model_fields)


# the mark of a pooled model


class Marks:
    """Marks of one pooled door, with other settings."""

    def __init__(self, folder: Path) -> None:
        few = candles_of(0, hours=30)
        self.stage = PoolStage(folder, dict.fromkeys(("ADA/USDT", "BTC/USDT"), few))

    def __call__(
        self,
        settings: dict[str, Any] | None = None,
        own: str | None = None,
        begin: int = 0,
        stop: int = 20 * DAY,
    ) -> str:
        self.stage.config["freqpilot"] = settings or {}
        kitchen: Any = SimpleNamespace(live=False, **{STRATEGY: self.stage.strategy})
        return str(self.stage.model._mark(kitchen, own, pool.Span(begin, stop, 3_600)))


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path)


@pytest.mark.parametrize("change", [*all_of([*LABELS, SEED]), *of("pooled")])
def test_what_makes_another_pooled_model_is_in_its_mark(
    marks: Marks, change: dict[str, Any]
) -> None:
    assert marks(change) != marks()


@pytest.mark.parametrize("change", of("edge", "training", "sequences", "guard"))
def test_what_does_not_touch_a_pooled_model_of_trees_is_not(
    marks: Marks, change: dict[str, Any]
) -> None:
    assert marks(change) == marks()


def test_a_mark_tells_pairs_target_and_length_and_not_when(
    marks: Marks, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = marks()
    assert marks(begin=DAY, stop=21 * DAY) == plain, "the end of a window is in the file's name"
    assert marks(stop=21 * DAY) != plain
    assert marks(own="&-ahead") != plain
    assert marks(own="&-ahead") != marks(own="&-other")
    pairs = marks.stage.config["exchange"]["pair_whitelist"]
    pairs.reverse()
    assert marks() == plain
    assert marks({"universe": ["BTC/USDT", "ADA/USDT"]}) == plain
    assert marks({"universe": ["BTC/USDT"]}) != plain
    pairs.append("ETH/USDT")
    assert marks() != plain
    pairs.pop()
    more = TreesRegressor(params=(("n_estimators", 21),), selected=False)
    monkeypatch.setattr(marks.stage.model, "forecaster", more)
    assert marks() != plain


def test_a_pools_folder_tells_its_pairs_and_not_their_order() -> None:
    def name(*pairs: str, universe: list[str] | None = None) -> str:
        config: dict[str, Any] = {
            "exchange": {"pair_whitelist": list(pairs)},
            "freqai": {"identifier": "mine"},
            "freqpilot": {"universe": universe} if universe else {},
        }
        stamp_pairs(config)
        once = str(config["freqai"]["identifier"])
        stamp_pairs(config)
        assert config["freqai"]["identifier"] == once, "once"
        return once

    assert name("A/B", "C/D") == name("C/D", "A/B") == name("E/F", universe=["C/D", "A/B"])
    assert len({name("A/B", "C/D"), name("A/B"), name("C/D")}) == 3


# the folder of FreqAI's models


BASE: dict[str, Any] = {
    "runmode": "live",
    "freqaimodel": "FreqpilotPooled",
    "freqai": {"enabled": True, "identifier": "mine", **dict.fromkeys(FREQAI_KEYS, 1)},
    "freqpilot": {},
}
DIGEST = {"pack": "1", "data": "2", "facts": "3"}


def folder(change: dict[str, Any] | None = None, digest: dict[str, str] = DIGEST) -> str:
    """Return FreqAI's identifier for a config that differs from :data:`BASE`."""
    config = deepcopy(BASE)
    for key, value in (change or {}).items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    stamp_identifier(config, digest)
    return str(config["freqai"]["identifier"])


@pytest.mark.parametrize("change", [*all_of([*LABELS, SEED]), *of("pooled", "sequences", "guard")])
def test_what_makes_another_model_is_in_its_folders_name(change: dict[str, Any]) -> None:
    assert folder({"freqpilot": change}) != folder()


@pytest.mark.parametrize(
    "change",
    [
        *of("edge", "training"),
        pytest.param({"risk": {"max_trades": 7}}, id="risk"),
        pytest.param({"store": {"url": "sqlite:///other.sqlite"}}, id="store"),
        pytest.param({"digest": {"pack": "another"}}, id="digest"),
    ],
)
def test_who_listens_to_a_model_and_when_it_is_fitted_are_not(change: dict[str, Any]) -> None:
    assert folder({"freqpilot": change}) == folder()


@pytest.mark.parametrize("key", FREQAI_KEYS)
def test_freqais_own_settings_are_in_it(key: str) -> None:
    assert folder({"freqai": {key: 2}}) != folder()


@pytest.mark.parametrize("mode", ["live", "dry_run", "backtest"])
@pytest.mark.parametrize("part", ["pack", "data", "facts"])
def test_candles_and_facts_are_in_it_where_they_stand_still(mode: str, part: str) -> None:
    """Live they grow each hour."""
    counts = part == "pack" or mode == "backtest"
    other = folder({"runmode": mode}, {**DIGEST, part: "another"})
    assert (other != folder({"runmode": mode})) is counts


def test_a_name_is_stamped_once_and_the_model_is_in_it() -> None:
    again = folder({"freqai": {"identifier": folder()}})
    assert again == folder()
    assert folder({"freqaimodel": "FreqpilotRegressor"}) != folder()
    assert folder({"freqai_backtest_live_models": True}) == "mine"
