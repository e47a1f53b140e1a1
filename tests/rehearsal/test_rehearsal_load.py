"""What the benchmark of many pairs says on its way; no session is played here."""

from datetime import UTC, datetime

from benchmarks.safety.load import Meter, title
from freqpilot.rehearsal.plan.session import RehearsalProgress

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_meter_says_each_hour_of_a_day_how_long_the_rest_takes() -> None:
    said: list[str] = []
    meter = Meter(title(100, plain=False), said.append)
    for loop in range(1, 25):
        meter.note(RehearsalProgress(loop, NOW, loop / 288, 6.0 * loop, 0))
    assert meter.loops == [6.0] * 24
    assert [line.split(",")[1] for line in said] == [" with Freqpilot: 4%", " with Freqpilot: 8%"]
    assert said[0].startswith("100 pairs, with Freqpilot: 4%, 6.0 s a loop")
    assert said[0].endswith("28 minutes left")
