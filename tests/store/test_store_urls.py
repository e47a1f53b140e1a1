"""Databases' URLs: where a relative file counts from, and which are files at all."""

from pathlib import Path

import pytest

from freqpilot.settings import Settings
from freqpilot.store.urls import facts_url, sqlite_file, store_url, with_file

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
