"""Facts from files: in parts, each row named, nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from freqpilot.facts import importer
from freqpilot.facts.append import moment
from freqpilot.facts.check import BadFact
from freqpilot.facts.importer import Imported, import_file
from freqpilot.facts.store import FactStore

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
HEADER = "source,asset,metric,value,event_time,available_at\n"
GOOD = HEADER + (
    "cm,btc,mvrv,1.5,2024-01-01,2024-01-02T03:00:00Z\n"
    "cm,btc,mvrv,1.6,2024-01-02,2024-01-03 03:00:00.000001\n"
    "cm,eth,mvrv,,2024-01-02,2024-01-03T03:00:00+09:00\n"
    "cm,nan,mvrv,-2e3,2024-01-02T00:00:00Z,2024-01-03T03:00:00+09:00\n"
)


@pytest.fixture
def store(database_url: str) -> Iterator[FactStore]:
    opened = FactStore.open(database_url)
    yield opened
    opened.close()


def write(tmp_path: Path, text: str, name: str = "facts.csv") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def test_a_csv_is_read(store: FactStore, tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert import_file(store, file, NOW) == Imported(added=3, empty=1)
    catalogue = store.catalogue()
    assert set(catalogue) == {("cm", "BTC", "mvrv"), ("cm", "NAN", "mvrv")}
    bitcoin = store.observations(catalogue["cm", "BTC", "mvrv"])
    assert bitcoin.value.tolist() == [1.5, 1.6]
    assert [moment(time) for time in bitcoin.available.tolist()] == [
        datetime(2024, 1, 2, 3, tzinfo=UTC),
        datetime(2024, 1, 3, 3, 0, 0, 1, tzinfo=UTC),
    ]
    other = store.observations(catalogue["cm", "NAN", "mvrv"])
    assert moment(int(other.available[0])) == datetime(2024, 1, 2, 18, tzinfo=UTC)


def test_again_nothing_is_added(store: FactStore, tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    import_file(store, file, NOW)
    assert import_file(store, file, NOW) == Imported(known=3, empty=1)


def test_parquet_and_packed_csv_give_the_same(store: FactStore, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, GOOD), NOW)
    frame = pd.read_csv(tmp_path / "facts.csv", keep_default_na=False, na_values={"value": [""]})
    frame.to_csv(tmp_path / "facts.csv.gz", index=False)
    for name in ("event_time", "available_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    frame.assign(vintage=0).to_parquet(tmp_path / "facts.parquet")
    for name in ("facts.csv.gz", "facts.parquet"):
        assert import_file(store, tmp_path / name, NOW) == Imported(known=3, empty=1)


def test_a_file_is_kept_in_parts(
    store: FactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "CHUNK", 2)
    bad = GOOD + "cm,btc,mvrv,x,2024-01-04,2024-01-05T00:00:00Z\n"
    told: list[int] = []
    file = write(tmp_path, bad)
    with pytest.raises(BadFact, match="row 6: the value is no finite number"):
        import_file(store, file, NOW, progress=lambda _, rows: told.append(rows))
    assert told == [2, 4]
    assert sum(each.count for each in store.summary()) == 3
    done = import_file(store, file, NOW, skip_bad=True)
    assert (done.known, done.refused, done.faults) == (
        3,
        1,
        ("row 6: the value is no finite number",),
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("cm,btc,m,1,2024-01-02,2024-01-03", "needs its time of day"),
        ("cm,btc,m,1,1704067200,2024-01-03T00:00:00Z", "cannot be read"),
        ("cm,btc,m,1,2024-01-32,2024-02-03T00:00:00Z", "cannot be read"),
        ("cm,btc,m,1,2024-01-02,2024-03-07T00:00:00Z", "future"),
        ("cm,btc,m,1,2024-01-02,2024-01-01T00:00:00Z", "before event_time"),
        ("cm,btc,m,1e999,2024-01-02,2024-01-03T00:00:00Z", "finite"),
        ("cm,,m,1,2024-01-02,2024-01-03T00:00:00Z", "words"),
    ],
)
def test_a_bad_row_is_named(store: FactStore, tmp_path: Path, row: str, text: str) -> None:
    with pytest.raises(BadFact, match=rf"facts.csv: row 6: .*{text}"):
        import_file(store, write(tmp_path, GOOD + row + "\n"), NOW)
    assert store.summary() == []


def test_numbers_as_times_are_refused_in_parquet_too(store: FactStore, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, GOOD), NOW)
    frame = pd.DataFrame(
        {
            "source": ["cm"],
            "asset": ["btc"],
            "metric": ["m"],
            "value": [1.0],
            "event_time": [1704067200],
            "available_at": [1704067200],
        }
    )
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadFact, match="row 1: event_time or available_at cannot be read"):
        import_file(store, tmp_path / "x.parquet", NOW)


def test_a_changed_value_names_its_row(store: FactStore, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, GOOD), NOW)
    with pytest.raises(BadFact, match=r"row 3: cm/mvrv@btc .* 1.7 here"):
        import_file(store, write(tmp_path, GOOD.replace("1.6", "1.7")), NOW)


def test_missing_columns_are_named_with_the_way_out(store: FactStore, tmp_path: Path) -> None:
    text = "value,event_time,available_at\n1,2024-01-01,2024-01-02T00:00:00Z\n"
    file = write(tmp_path, text)
    with pytest.raises(BadFact, match=r"no column source, asset, metric \(or give --source"):
        import_file(store, file, NOW)
    defaults = {"source": "me", "asset": "*", "metric": "fear_greed"}
    assert import_file(store, file, NOW, defaults=defaults).added == 1
    assert store.catalogue() == {("me", "*", "fear_greed"): 1}


def test_without_available_at_nothing_is_taken(store: FactStore, tmp_path: Path) -> None:
    text = "source,asset,metric,value,event_time\ncm,btc,m,1,2024-01-01\n"
    with pytest.raises(BadFact, match=r"no column available_at.*what was known when"):
        import_file(store, write(tmp_path, text), NOW)


def test_an_unknown_column_is_named(store: FactStore, tmp_path: Path) -> None:
    text = GOOD.replace("available_at", "available_at,price").replace("Z\n", "Z,1\n")
    with pytest.raises(BadFact, match="not known: price"):
        import_file(store, write(tmp_path, text), NOW)


@pytest.mark.parametrize("name", ["none.csv", "broken.parquet", "broken.csv"])
def test_a_file_that_cannot_be_read_is_named(store: FactStore, tmp_path: Path, name: str) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadFact, match=name):
        import_file(store, tmp_path / name, NOW)


def test_vintages_and_schedules(store: FactStore, tmp_path: Path) -> None:
    header = HEADER.replace("\n", ",vintage\n")
    rows = "u,sui,unlock,5,2024-06-01,2024-01-01T00:00:00Z,0\n"
    rows += "u,sui,unlock,6,2024-06-01,2024-01-01T00:00:00Z,1\n"
    file = write(tmp_path, header + rows)
    with pytest.raises(BadFact, match="only scheduled facts"):
        import_file(store, file, NOW)
    assert import_file(store, file, NOW, scheduled=True).added == 2
    bad = write(tmp_path, header + rows.replace(",1\n", ",1.5\n"))
    with pytest.raises(BadFact, match="row 3: the vintage"):
        import_file(store, bad, NOW, scheduled=True)
