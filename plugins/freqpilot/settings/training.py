"""``freqpilot.models.training``: when live models are fitted anew, and what a fit may cost."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from freqpilot.settings.base import Section

HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class TrainingSettings(Section):
    """Training in live and dry runs. ``seconds_per_hour``: what all fits of any 60 minutes may take
    together; ``fit_seconds`` and ``memory_mb``: at which one fit is given up, the last good model
    stays. ``own_process``: the pack's models are fitted in a process of their own, with the
    niceness ``nice``; without it neither limit can stop a fit. ``quiet_hours``: times of day in UTC
    (``"01:00-05:00"``) in which models are fitted anew; with ``quiet`` ``"prefer"`` one that is
    missing or would not last until then is fitted at any time, with ``"only"`` none is.
    ``open_weight``: how many times older a model counts whose pair has an open position.
    ``retry_minutes``: the wait after a fit failed, doubled each time up to ``live_retrain_hours``.
    """

    enabled: bool = True
    own_process: bool = True
    seconds_per_hour: Annotated[float, Field(gt=0, le=3_600)] = 1_200
    fit_seconds: Annotated[float, Field(gt=0, le=3_600)] = 300
    memory_mb: Annotated[int, Field(ge=64)] = 1_024
    nice: Annotated[int, Field(ge=0, le=19)] = 15
    quiet_hours: tuple[str, ...] = ()
    quiet: Literal["prefer", "only"] = "prefer"
    open_weight: Annotated[float, Field(ge=1, le=10)] = 2
    retry_minutes: Annotated[float, Field(ge=1, le=1_440)] = 10

    @field_validator("quiet_hours")
    @classmethod
    def _are_times(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            found = HOURS.fullmatch(text)
            if found is None or found.groups()[:2] == found.groups()[2:]:
                raise ValueError(f"{text!r} is no time of day in UTC such as '01:00-05:00'")
        return given

    @model_validator(mode="after")
    def _a_fit_has_room(self) -> Self:
        if self.fit_seconds > self.seconds_per_hour:
            raise ValueError(
                f"fit_seconds ({self.fit_seconds:g}) is above seconds_per_hour "
                f"({self.seconds_per_hour:g}): no fit would ever begin"
            )
        return self

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """The quiet hours as seconds of the day, begin and end; an end at or before its begin is
        of the next day."""
        found = (map(int, part) for text in self.quiet_hours for part in HOURS.findall(text))
        return tuple(((h * 60 + m) * 60, (to_h * 60 + to_m) * 60) for h, m, to_h, to_m in found)
