"""What pydantic reports, said as sentences that name the nearest known key."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel

from freqpilot.settings.ensemble import Sleeve
from freqpilot.settings.exits import RegimeExit, Target
from freqpilot.settings.facts import SourceSettings
from freqpilot.settings.market import Asset
from freqpilot.settings.risk import RiskSettings, Tier
from freqpilot.settings.signals import (
    Adaptation,
    AnalystName,
    EventKind,
    EventResponse,
    FactColumn,
    MemeFact,
    RegimeName,
    WeightClass,
)


def sentence(root: type[BaseModel], fault: dict[str, Any]) -> str:
    location = [part for part in fault["loc"] if part != "[key]"]
    path = ".".join(["freqpilot", *map(str, location)])
    if fault["type"] not in ("extra_forbidden", "literal_error"):
        return f"{path}: {fault['msg'].removeprefix('Value error, ')}"
    names = _names_of(location[:-1])
    if fault["type"] == "literal_error" and names is None:
        return f"{path}: {fault['input']!r} is not known; known are {fault['ctx']['expected']}"
    known = names or _fields_at(root, location)
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"{path} is not known; {hint}"


def _names_of(place: list[Any]) -> list[str] | None:
    """Return the keys of the dictionary at ``place``, None where it is none of ours."""
    parent = place[-1] if place else None
    if parent == "class_weights":
        return list(get_args(WeightClass))
    if parent == "adaptation" or place[-2:] == ["exits", "regimes"]:
        return list(get_args(RegimeName))
    if parent == "responses":
        return list(get_args(EventKind))
    if place[-2:] in (["memes", "facts"], ["signals", "facts"]):
        return list(get_args(MemeFact if place[-2] == "memes" else FactColumn))
    if parent == "weights" or place[-2:-1] == ["class_weights"]:
        return list(get_args(AnalystName))
    return None


def _fields_at(root: type[BaseModel], location: list[Any]) -> list[str]:
    model = root
    for part in location[:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif part == "tiers":
            model = Tier if model is RiskSettings else Target
        elif part == "regimes":
            model = RegimeExit
        elif part == "taxonomy":
            model = Asset
        elif part == "adaptation":
            model = Adaptation
        elif part == "sources":
            model = SourceSettings
        elif part == "sleeves":
            model = Sleeve
        elif part == "responses":
            model = EventResponse
    return [field.alias or name for name, field in model.model_fields.items()]
