"""Databases' URLs: where a relative file counts from, and which are files at all."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freqpilot.settings import Settings
from freqpilot.store import last_sign, open_store
from freqpilot.store.urls import facts_url, read_only, sqlite_file, store_url, with_file

HOME = Path("/home/bot/user_data")


def settings(store: str = "", facts: str = "") -> Settings:
    return Settings.from_config({"freqpilot": {"store": {"url": store}, "facts": {"url": facts}}})


@pytest.mark.parametrize(
    ("url", "store", "facts"),
    [
        ("", "sqlite:///{home}/freqpilot.sqlite", "sqlite:///{home}/freqpilot-facts.sqlite"),
        ("sqlite:///one.db", "sqlite:///{home}/one.db", "sqlite:///{home}/one-facts.db"),
        ("sqlite:////srv/one.db", "sqlite:////srv/one.db", "sqlite:////srv/one-facts.db"),
        (
            "sqlite:///one.db?timeout=3",
            "sqlite:///{home}/one.db?timeout=3",
            "sqlite:///{home}/one-facts.db?timeout=3",
        ),
        ("postgresql://bot@db/pilot",) * 3,
        ("sqlite://",) * 3,
        ("no url",) * 3,
    ],
)
def test_a_relative_file_counts_from_user_data(url: str, store: str, facts: str) -> None:
    assert store_url(settings(url), HOME) == store.format(home=HOME)
    assert facts_url(settings(url), HOME) == facts.format(home=HOME)


def test_facts_may_be_elsewhere() -> None:
    chosen = settings("sqlite:///one.db", "sqlite:///two.db")
    assert facts_url(chosen, HOME) == f"sqlite:///{HOME}/two.db"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///one.db", "one.db"),
        ("sqlite:////srv/one.db", "/srv/one.db"),
        ("sqlite+pysqlite:////srv/one.db?timeout=3", "/srv/one.db"),
        ("sqlite:////srv/my%20bot.db", "/srv/my bot.db"),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://bot@db/pilot", None),
        ("", None),
        ("no url", None),
    ],
)
def test_which_database_is_a_file(url: str, file: str | None) -> None:
    assert sqlite_file(url) == (None if file is None else Path(file))


@pytest.mark.parametrize("name", ["one.db", "größe.db", "my bot.db", "a%20b.db"])
def test_a_file_that_was_put_into_a_url_comes_out_again(name: str) -> None:
    file = HOME / name
    assert sqlite_file(with_file("sqlite:///other.db", file)) == file


def beaten(file: Path) -> datetime:
    """Leave a store in a file with one sign of life of a bot, closed as a bot does."""
    beat = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with closing(open_store(f"sqlite:///{file}")) as store:
        store.beat("ledger binance:1", beat)
    return beat


def test_reading_makes_nothing_and_leaves_a_living_writers_journal_alone(tmp_path: Path) -> None:
    assert read_only(f"sqlite:///{tmp_path / 'none.db'}") is None
    assert read_only("sqlite://") is None
    assert read_only("postgresql://bot@db/pilot") == "postgresql://bot@db/pilot"
    beaten(tmp_path / "one.db")
    found = str(read_only(f"sqlite:///{tmp_path / 'one.db'}"))
    assert "mode=ro" in found
    assert "immutable" not in found


def test_a_folder_that_cannot_be_written_is_read_as_it_lies_when_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.db"
    beaten(file)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "immutable=1" in str(read_only(f"sqlite:///{file}"))
    file.with_name("one.db-wal").touch()
    assert "immutable" not in str(read_only(f"sqlite:///{file}"))


def test_a_store_on_a_volume_mounted_read_only_is_read(tmp_path: Path) -> None:
    """The collector's container has the bot's folder so, and the bot may be stopped."""
    mount = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path}"
    tried = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("missing: the right to mount a folder read only (unshare -m)")
    beat = beaten(tmp_path / "one.db")
    ask = "import sys; from freqpilot.store import last_sign as last; print(last(sys.argv[1]))"
    url = f"sqlite:///{tmp_path / 'one.db'}"
    command = f'{mount} && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, "sh", sys.executable, "-c", ask, url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(beat), done.stderr
    assert last_sign(url) == beat
