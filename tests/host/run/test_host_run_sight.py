"""Three loops in a row with a fault make the supervisor blind; one that sees all ends it."""

from datetime import UTC, datetime, timedelta

from freqpilot.host.run.sight import LONGEST, Sight

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def look(sight: Sight, number: int, fault: str | None = "503") -> str | None:
    sight.begin()
    if fault:
        with sight.part("wallet"):
            raise ValueError(fault)
    return sight.end(START + timedelta(seconds=5 * number))


def test_the_third_fault_in_a_row_is_reported_once() -> None:
    sight = Sight()
    assert [look(sight, number) for number in (1, 2)] == [None, None]
    assert sight.blind is None
    alert = look(sight, 3)
    assert alert is not None
    assert "blind since 2026-01-01 12:00:05 UTC: wallet (ValueError: 503)" in alert
    assert sight.blind == alert
    assert look(sight, 4) is None, "it is reported once"
    assert sight.to_dict() == {"since": "2026-01-01T12:00:05+00:00", "why": sight.blind}


def test_a_look_that_sees_all_ends_it_and_begins_the_count_anew() -> None:
    sight = Sight()
    for number in (1, 2, 3):
        look(sight, number)
    assert "sees the account again" in str(look(sight, 4, None))
    assert sight.to_dict() is None
    assert look(sight, 5, None) is None
    assert [look(sight, number) for number in (6, 7)] == [None, None]
    look(sight, 8, None)
    assert [look(sight, number) for number in (9, 10)] == [None, None]


def test_a_long_fault_is_cut() -> None:
    sight = Sight()
    sight.fault("wallet", "x" * 1_000)
    assert sight.faults == {"wallet": "x" * LONGEST}
