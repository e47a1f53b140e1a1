"""What the edge monitor concludes of a model, and what the store remembers of it. Nothing here
reads or writes: :mod:`freqpilot.host.frames.edge.state` does both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from freqpilot.models.edge import monitor
from freqpilot.settings import EdgeSettings
from freqpilot.shapes import Floats

Key = Literal["model_edge", "model_edge_groups"]
PAIRS: Key = "model_edge"
"""The store's key of silenced models: ``identifier/pair`` → whether it is silenced."""
GROUPS: Key = "model_edge_groups"
"""The store's key of models that are silenced for a group: ``identifier/group`` → ``silenced`` and
the newest ``block`` that was judged."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class GroupSilence(NamedTuple):
    """Whether a model was silenced for a group, and by which block; −1 before the first."""

    silenced: bool = False
    block: int = -1


@dataclass(frozen=True)
class EdgeMemory:
    """What the store remembers of silenced models, by the names that verdicts have.

    A model that is not in it was never silenced. A backtest remembers nothing.
    """

    pairs: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, GroupSilence] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class EdgeVerdict:
    """The edge monitor's verdict on a model at a frame's last candle."""

    key: Key
    name: str
    subject: str
    """The pair, or the group with what it was judged by."""
    silenced: bool
    changed: bool
    """Whether ``silenced`` is news: the memory says otherwise."""
    time: datetime
    text: str
    """The alert, where the verdict has changed."""
    data: Mapping[str, Any]
    block: int = -1
    """The newest block that a group was judged by."""
    turned_at: tuple[datetime, ...] = ()
    """When the model was silenced and when it was heard again, by turns, since the first candle."""


class JudgedModel(NamedTuple):
    """What the model's confidence is multiplied by at each candle (1 … 0), and the verdicts at the
    last one."""

    factor: Floats
    verdicts: tuple[EdgeVerdict, ...]


def course_of(scores: Floats, settings: EdgeSettings, *, silenced: bool) -> monitor.Course:
    """Return what the test says after each score. A model that was ``silenced`` before stays
    silenced until its newer scores say otherwise, also when the older ones are lost."""
    course = monitor.follow(scores, settings)
    if silenced and not course.silenced and not course.revived:
        return monitor.follow(scores, settings, silent=True)
    return course


def ends_silenced(course: monitor.Course) -> bool:
    """Tell whether the model is silenced after the last score."""
    return bool(len(course.silenced) - len(course.revived) + (course.before == 0.0))


def time_of(nanoseconds: int) -> datetime:
    """Return a candle's time, which is in nanoseconds since 1970."""
    return EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)
