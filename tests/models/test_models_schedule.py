"""Whose model is fitted next: order, budget, quiet hours and waits, as a pure function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.models.training import schedule
from freqpilot.models.training.schedule import DAY, HOUR, Pace, Spent, Standing
from freqpilot.settings import Settings, TrainingSettings

NOON = 20_000 * DAY + 12 * HOUR
PACE = Pace(24 * HOUR, 96 * HOUR)
PLAIN = TrainingSettings()
NIGHT = TrainingSettings(quiet_hours=("22:00-04:00",))
ONLY = TrainingSettings(quiet_hours=("22:00-04:00",), quiet="only")


def aged(pair: str, hours: float, now: float = NOON, **more: object) -> Standing:
    return Standing(pair, now - hours * HOUR, **more)  # type: ignore[arg-type]


def chosen(*standings: Standing, settings: TrainingSettings = PLAIN, now: float = NOON) -> str:
    found = schedule.next_fit(standings, (), now, PACE, settings)
    return found.pair if found else ""


def test_the_oldest_comes_first_and_a_missing_one_before_it() -> None:
    assert chosen(aged("A", 30), aged("B", 50), aged("C", 40)) == "B"
    assert chosen(aged("A", 30), Standing("B"), Standing("C")) == "B", "then the whitelist's order"
    assert chosen(Standing("A"), Standing("B", held=True)) == "B"
    assert chosen(aged("A", 24), aged("B", 3)) == "", "none is due"
    assert chosen(aged("A", 30), aged("B", -5)) == "B", "nobody knows the age of one of the future"


def test_an_open_position_makes_a_model_count_as_older_but_not_without_end() -> None:
    assert chosen(aged("A", 50), aged("B", 30, held=True)) == "B"
    assert chosen(aged("A", 61), aged("B", 30, held=True)) == "A"
    assert chosen(aged("A", 61), aged("B", 24, held=True)) == "A", "and none is due early for it"


def test_what_has_failed_waits_longer_each_time() -> None:
    waits = [schedule.retry_at(0, failures, PACE, PLAIN) for failures in range(1, 12)]
    assert waits[:3] == [600, 1_200, 2_400]
    assert waits[-1] == PACE.retrain == max(waits)
    assert chosen(aged("A", 90, retry_at=NOON + 1), aged("B", 30)) == "B"
    assert chosen(aged("A", 90, retry_at=NOON)) == "A"


@pytest.mark.parametrize(
    ("spent", "well"),
    [
        ([Spent(NOON - 10, 900)], True),
        ([Spent(NOON - 10, 901)], False),
        ([Spent(NOON - 10, 500), Spent(NOON - HOUR + 1, 500)], False),
        ([Spent(NOON - HOUR, 1_200)], True),
        ([Spent(NOON + 2 * HOUR, 1_200)], True),
    ],
)
def test_a_fit_begins_only_where_its_limit_fits_into_the_hour(
    spent: list[Spent], well: bool
) -> None:
    standings = [aged("A", 30)]
    assert (schedule.next_fit(standings, spent, NOON, PACE, PLAIN) is not None) == well
    assert schedule.pending(standings, spent, NOON, PACE, PLAIN) == (("A",) if well else ())


def test_by_day_only_what_cannot_wait_for_the_quiet_hours() -> None:
    assert chosen(aged("A", 30), settings=NIGHT) == ""
    assert chosen(aged("A", 30), Standing("B"), settings=NIGHT) == "B"
    # 10 hours are left until 22:00.
    assert chosen(aged("A", 86), settings=NIGHT) == ""
    assert chosen(aged("A", 87), settings=NIGHT) == "A"
    assert chosen(aged("A", 87), Standing("B"), settings=ONLY) == ""
    forever = Pace(24 * HOUR)
    assert schedule.is_due(aged("A", 38), NOON, forever, NIGHT) is False
    assert schedule.is_due(aged("A", 39), NOON, forever, NIGHT) is True


@pytest.mark.parametrize("settings", [NIGHT, ONLY])
def test_in_quiet_hours_also_what_would_become_due_by_day(settings: TrainingSettings) -> None:
    late = NOON + 11 * HOUR
    assert chosen(aged("A", 25, late), settings=settings, now=late) == "A"
    assert chosen(aged("A", 12, late), settings=settings, now=late) == "A", "due at 11 o'clock"
    assert chosen(aged("A", 11, late), settings=settings, now=late) == "", "not twice in a night"
    early = NOON + 15 * HOUR + 1_800
    assert chosen(aged("A", 12, early), settings=settings, now=early) == "A"
    assert chosen(aged("A", 4.5, early), settings=settings, now=early) == ""


def test_a_day_of_quiet_hours_has_a_begin_and_an_end() -> None:
    windows = NIGHT.windows
    assert windows == ((22 * 3_600, 4 * 3_600),)
    inside = [hour for hour in range(24) if schedule.quiet(20_000 * DAY + hour * HOUR, windows)]
    assert inside == [0, 1, 2, 3, 22, 23]
    assert schedule.until_quiet(NOON, windows) == 10 * HOUR
    assert schedule.until_quiet(NOON + 10 * HOUR, windows) == DAY, "the next one"


def test_settings_that_cannot_be_meant_are_refused() -> None:
    def read(**training: object) -> None:
        Settings.from_config({"freqpilot": {"models": {"training": training}}})

    for text in ("1:00-05:00", "01:00-24:00", "03:00-03:00", "night"):
        with pytest.raises(RefuseToStart, match="no time of day in UTC"):
            read(quiet_hours=[text])
    with pytest.raises(RefuseToStart, match="no fit would ever begin"):
        read(fit_seconds=300, seconds_per_hour=200)
    with pytest.raises(RefuseToStart, match="did you mean 'quiet_hours'"):
        read(quiet_hour=["01:00-05:00"])


durations = st.lists(st.floats(0.5, 300), min_size=30, max_size=120)


@given(
    durations,
    st.integers(1, 12),
    st.sets(st.integers(0, 11)),
    st.floats(300, 1_800),
    st.sampled_from([(), ("01:00-03:00",), ("22:00-02:00", "12:30-13:00")]),
)
def test_whatever_comes_no_hour_is_over_its_budget_and_nobody_starves(
    seconds: list[float], pairs: int, held: set[int], budget: float, quiet: tuple[str, ...]
) -> None:
    settings = TrainingSettings(seconds_per_hour=budget, fit_seconds=300, quiet_hours=quiet)
    pace = Pace(2 * HOUR, 48 * HOUR)
    trained = {f"P{i}": 0.0 for i in range(pairs)}
    fits: list[tuple[float, float, str]] = []
    now = NOON
    while len(fits) < len(seconds) and now < NOON + 10 * DAY:
        standings = [
            Standing(pair, when, held=number in held)
            for number, (pair, when) in enumerate(trained.items())
        ]
        spent = [Spent(end, end - begin) for begin, end, _ in fits]
        found = schedule.next_fit(standings, spent, now, pace, settings)
        pending = schedule.pending(standings, spent, now, pace, settings)
        assert (found is None) == (not pending)
        if found is None:
            now += 300
            continue
        weight = {each.pair: settings.open_weight if each.held else 1 for each in standings}
        missing = [each.pair for each in standings if not each.trained]
        if missing:
            assert found.pair in missing
        else:
            assert all(
                (now - found.trained) * weight[found.pair] >= (now - trained[pair]) * weight[pair]
                for pair in pending
            )
        end = now + seconds[len(fits)]
        fits.append((now, end, found.pair))
        trained[found.pair] = now = end
    for _, end, _ in fits:
        used = sum(
            max(0.0, min(other_end, end) - max(other, end - HOUR)) for other, other_end, _ in fits
        )
        assert used <= budget + 1e-6
    first = [pair for _, _, pair in fits[:pairs]]
    assert len(set(first)) == len(first), "each has its first model before one has a second"
    if not quiet and len(fits) > 3 * pairs:
        counts = [sum(pair == each for *_, each in fits) for pair in trained]
        assert max(counts) <= 2 * min(counts) + 2
