"""Values as every store keeps them: UTC times and plain JSON data."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from freqpilot.shapes import Decision


def utc(time: datetime) -> datetime:
    """Return ``time`` in UTC.

    :raises ValueError: when it has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"the time {time} has no time zone; the store keeps UTC")
    return time.astimezone(UTC)


def plain(value: Any) -> Any:
    """Return a copy of ``value`` that JSON can hold: NaN and infinity become None, times ISO 8601,
    numpy scalars their Python value.

    :raises TypeError: for anything else that JSON does not know.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if callable(item := getattr(value, "item", None)):
        return plain(item())
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be stored as JSON")


def alert_key(kind: str, level: str, text: str, data: Mapping[str, Any]) -> str:
    """Return what makes two alerts the same message: level, kind, pair and rule; without a rule the
    text in place of it, its figures apart, as they differ from loop to loop."""
    what = data.get("rule") or re.sub(r"[\d.,:+−-]+", "#", text)
    return "|".join((level, kind, str(data.get("pair", "")), str(what)))


def decision_fields(decision: Decision) -> dict[str, Any]:
    """Return a decision's fields as every store keeps them."""
    fields = asdict(decision)
    time = utc(fields.pop("time"))
    return {**plain(fields), "time": time}


def decision_from(fields: Mapping[str, Any]) -> Decision:
    """Return the decision of :func:`decision_fields`; null figures are NaN again."""
    numbers = {
        name: math.nan if fields[name] is None else fields[name]
        for name in ("composite", "confidence", "coverage")
    }
    return Decision(
        pair=fields["pair"],
        time=fields["time"],
        side=fields["side"],
        contributions={
            name: math.nan if share is None else share
            for name, share in fields["contributions"].items()
        },
        reasons=tuple(fields["reasons"]),
        **numbers,
    )
