"""Two real vintages of Coin Metrics: the join gives at each date what was known then."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqpilot.facts.append import micros
from freqpilot.facts.check import UNKNOWN_TIME, Columns
from freqpilot.facts.join import HOUR, as_of, states
from freqpilot.facts.store import FactStore
from freqpilot.shapes import Floats, Ints

METRICS = ("FlowInExUSD", "FlowOutExUSD", "AdrActCnt", "CapMVRVCur", "TxCnt")
DAY = 24 * HOUR
NOW = datetime(2026, 7, 1, tzinfo=UTC)
REVISED = micros(datetime(2026, 6, 1, tzinfo=UTC))
"""When the second vintage came to be known: its file is of June 2026, and says no more."""

Vintage = pd.DataFrame


def vintage(folder: Path, month: str) -> Vintage:
    frame = pd.read_csv(folder / "onchain" / f"coinmetrics_btc_vintage_{month}.csv")
    return frame.set_index(pd.to_datetime(frame["time"], utc=True)).loc["2020":]


def micro_times(index: pd.Index) -> Ints:
    return index.as_unit("us").tz_localize(None).to_numpy().astype(np.int64)


def columns(metric: str, frame: Vintage, available: Ints) -> Columns:
    """A day's figure is an event of the day's end."""
    event = micro_times(frame.index) + DAY
    given = frame[metric].notna().to_numpy() & (available != UNKNOWN_TIME)
    names = (np.full(len(frame), name, dtype=object) for name in ("cm", "BTC", metric))
    source, asset, named = names
    whole = Columns(
        source,
        asset,
        named,
        event,
        np.maximum(available, event),
        np.zeros(len(frame), np.int64),
        frame[metric].to_numpy(dtype=np.float64),
    )
    return whole.take(given)


@pytest.fixture(scope="module")
def vintages(realdata: Path) -> tuple[Vintage, Vintage]:
    return vintage(realdata, "2026_03"), vintage(realdata, "2026_06")


@pytest.fixture(scope="module")
def store(vintages: tuple[Vintage, Vintage], tmp_path_factory: pytest.TempPathFactory) -> FactStore:
    opened = FactStore.open(f"sqlite:///{tmp_path_factory.mktemp('facts')}/f.sqlite")
    first, second = vintages
    completed = first["AssetCompletionTime"].fillna(0).to_numpy() * 1e6
    for metric in METRICS:
        opened.append_columns(columns(metric, first, completed.astype(np.int64)), NOW)
        later = columns(metric, second, np.full(len(second), REVISED))
        opened.append_columns(later, NOW)
    yield opened
    opened.close()


def known(store: FactStore, metric: str, times: Ints) -> Floats:
    key = store.catalogue()["cm", "BTC", metric]
    return as_of(states(store.observations(key)), times).value


def by_hand(frame: Vintage, metric: str, time: int) -> float:
    """The newest day that was complete at a time, in this vintage."""
    done = np.maximum(frame["AssetCompletionTime"].to_numpy() * 1e6, micro_times(frame.index) + DAY)
    rows = frame[(done <= time) & frame[metric].notna()]
    return float(rows[metric].iloc[-1])


@pytest.mark.parametrize("metric", METRICS)
def test_before_the_revision_the_first_vintage_is_known(
    store: FactStore, vintages: tuple[Vintage, Vintage], metric: str
) -> None:
    """At every tenth of 2021 – 2024, by the time that says when a day was complete."""
    times = np.arange(
        micros(datetime(2021, 3, 1, tzinfo=UTC)), micros(datetime(2024, 12, 31, tzinfo=UTC)), DAY
    )[::10]
    times = times + 5 * HOUR
    wanted = [by_hand(vintages[0], metric, int(time)) for time in times]
    np.testing.assert_array_equal(known(store, metric, times), wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_the_revision_is_known_from_its_day_on(
    store: FactStore, vintages: tuple[Vintage, Vintage], metric: str
) -> None:
    before, after = known(store, metric, np.array([REVISED - 1, REVISED]))
    assert before == vintages[0][metric].dropna().iloc[-1]
    assert after == vintages[1][metric].dropna().iloc[-1]


def test_by_the_date_alone_other_figures_are_joined(
    store: FactStore, vintages: tuple[Vintage, Vintage]
) -> None:
    """The two errors of a plain join: a day's figure at its beginning, and in its last version."""
    first, second = (
        frame.loc["2021-03-01":"2024-12-30", "FlowInExUSD"].dropna() for frame in vintages
    )
    days = first.index.intersection(second.index)
    evening = micro_times(days) + 23 * HOUR
    honest = known(store, "FlowInExUSD", evening)
    for plain in (first, second):
        assert np.mean(honest != plain[days].to_numpy()) > 0.99
    # With the day put right (known by the evening of the next one) only the version is wrong.
    late = known(store, "FlowInExUSD", evening + DAY)
    mostly = days[late == first[days].to_numpy()]
    assert len(mostly) > 0.98 * len(days), "the first vintage is what was known"
    assert np.mean(second[mostly].to_numpy() != first[mostly].to_numpy()) > 0.99


def test_what_was_not_revised_is_the_same_in_both(
    store: FactStore, vintages: tuple[Vintage, Vintage]
) -> None:
    first, second = (frame["TxCnt"].dropna() for frame in vintages)
    days = first.index.intersection(second.index)
    assert np.mean(first[days] == second[days]) > 0.99
