"""The container's entry point, with commands in its path that print what they were called with."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

ENTRY = Path(__file__).resolve().parents[1] / "docker" / "entrypoint.sh"
FACTS = "freqpilot-facts.sqlite"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The two folders of a container, and its commands."""
    for name in ("user_data/freqpilot", "facts", "bin"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("freqtrade", "freqpilot"):
        command = tmp_path / "bin" / name
        command.write_text(
            f'#!/bin/sh\necho {name} "$@" "[$FREQTRADE__DB_URL]"\n', encoding="utf-8"
        )
        command.chmod(0o755)
    return tmp_path


def entry(home: Path, *arguments: str) -> list[str]:
    """Return what the entry point called, line by line."""
    environment = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "FREQPILOT_USERDIR": str(home / "user_data"),
        "FREQPILOT_FACTSDIR": str(home / "facts"),
        "FREQTRADE__FREQPILOT__FACTS__URL": f"sqlite:///{home / 'facts' / FACTS}",
        "FREQTRADE__DB_URL": "",
    }
    done = subprocess.run(
        ["sh", str(ENTRY), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("arguments", [(), ("trade",)])
def test_a_bot_is_set_up_looked_at_and_started(home: Path, arguments: tuple[str, ...]) -> None:
    init, doctor, warm, bot = entry(home, *arguments)
    assert init.startswith("freqpilot init --userdir")
    assert doctor.startswith("freqpilot doctor")
    assert warm.startswith("freqpilot warm")
    assert bot.startswith("freqtrade trade --userdir")
    assert f"--db-url sqlite:///{home}/user_data/tradesv3.sqlite" in bot


def test_other_commands_go_to_freqtrade_as_they_are(home: Path) -> None:
    assert entry(home, "list-strategies", "-1")[-1] == "freqtrade list-strategies -1 []"


def test_the_collector_reads_the_bots_files_and_knows_its_books(home: Path) -> None:
    (home / "user_data" / "freqpilot" / "freqpilot.json").touch()
    bot, collector = entry(home)[-1], entry(home, "collect", "--once")[-1]
    files = [word for word in bot.split() if word.endswith(".json")]
    assert [word for word in collector.split() if word.endswith(".json")] == files
    assert collector.startswith("freqpilot collect --userdir")
    assert collector.endswith(f"--once [sqlite:///{home}/user_data/tradesv3.sqlite]")


def test_facts_beside_the_bots_books_move_to_their_volume_once(home: Path) -> None:
    with closing(sqlite3.connect(home / "user_data" / FACTS)) as old:
        old.execute("create table fact (value)")
        old.execute("insert into fact values (7)")
        old.commit()
    assert any(line.startswith("moving the facts") for line in entry(home, "trade"))
    with closing(sqlite3.connect(home / "facts" / FACTS)) as new:
        assert new.execute("select value from fact").fetchall() == [(7,)]
    assert sorted(file.name for file in (home / "facts").iterdir()) == [FACTS]
    assert not (home / "user_data" / FACTS).exists()
    assert (home / "user_data" / f"{FACTS}.moved").is_file()
    assert not any(line.startswith("moving") for line in entry(home, "trade"))
