"""What the edge monitor says of a model that was silenced before."""

from datetime import UTC, datetime

import numpy as np

from freqpilot.host.frames.edge.verdicts import course_of, ends_silenced, time_of
from freqpilot.settings import EdgeSettings

EDGE = EdgeSettings()


def test_a_silenced_model_stays_silenced_without_newer_scores() -> None:
    none = np.empty(0)
    assert not ends_silenced(course_of(none, EDGE, silenced=False))
    assert ends_silenced(course_of(none, EDGE, silenced=True))


def test_bad_scores_silence_and_good_ones_do_not() -> None:
    bad = np.full(2_000, -1.0)
    assert ends_silenced(course_of(bad, EDGE, silenced=False))
    assert not ends_silenced(course_of(-bad, EDGE, silenced=False))


def test_a_candles_time_is_in_nanoseconds() -> None:
    assert time_of(1_767_225_600 * 10**9) == datetime(2026, 1, 1, tzinfo=UTC)
