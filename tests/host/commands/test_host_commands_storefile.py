"""The commands on an account read the store that the bot writes, and refuse every other."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.errors import RefuseToStart
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.commands import storefile
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.store import open_store, require_written, urls

URL = "FREQTRADE__FREQPILOT__STORE__URL"
COMMANDS = (
    ("release", "--yes"),
    ("flow", "--withdraw", "10"),
    ("flow",),
    ("orders",),
    ("risk",),
    ("risk", "--json"),
    ("sleeves",),
    ("sleeves", "--resume", "trend", "--yes"),
    ("why", "1"),
)
Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, as a user would beside the bot's user_data."""
    (tmp_path / "user_data").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (URL, "FREQPILOT_USERDIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def command() -> Command:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run


@pytest.fixture
def halted() -> Iterator[Callable[[str], None]]:
    """Return a function that lets a live bot write a store, and halt."""

    def write(url: str, user_data: str = "user_data") -> None:
        section = {"freqpilot": {"store": {"url": url}}, "user_data_dir": user_data}
        begin({**section, "dry_run": False}, live=True)
        now = datetime.now(UTC)
        observe(current(), now - timedelta(seconds=5), 1_000.0)
        observe(current(), now, 700.0)
        assert current().state.halted
        end()

    yield write
    end()


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def refused(done: Result) -> str:
    assert isinstance(done.exception, RefuseToStart), (done.output, done.exception)
    assert done.exception.exit_code == 2
    return str(done.exception)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_store_that_no_bot_has_written_is_refused_and_not_made(
    home: Path, command: Command, arguments: tuple[str, ...]
) -> None:
    said = refused(command(*arguments))
    assert f"no bot has written the store {home}/user_data/freqpilot.sqlite" in said
    assert "there is no such file" in said
    assert "-c" in said
    assert "--userdir" in said
    assert URL in said
    assert files(home) == {}
    assert refused(command(*arguments, "--userdir", "elsewhere"))
    assert not (home / "elsewhere").exists()


def test_an_empty_file_and_a_store_without_an_account_are_refused(
    home: Path, command: Command
) -> None:
    file = home / "user_data" / "freqpilot.sqlite"
    file.touch()
    assert "it has no tables" in refused(command("release", "--yes"))
    assert file.read_bytes() == b""
    file.unlink()
    store = open_store(f"sqlite:///{file}")
    store.save_state("ledger live, declared", {"rows": []}, datetime.now(UTC))
    store.close()
    before = files(home)
    assert "it holds no account" in refused(command("release", "--yes"))
    assert files(home) == before
    file.write_bytes(b"this is no database, and was none")
    assert "damaged" in refused(command("release", "--yes"))


@pytest.mark.parametrize("key", ["ledger live", "ledger dry run", "ledger live of 3f2a, blocked"])
def test_any_ledger_of_a_bot_will_do(tmp_path: Path, key: str) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    store = open_store(url)
    store.save_state(key, {"reason": "a test"}, datetime.now(UTC))
    store.close()
    assert require_written(url) == f"{tmp_path}/x.sqlite"


def test_the_halt_is_found_by_the_environment_alone(
    home: Path,
    command: Command,
    halted: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"sqlite:///{home}/other.sqlite"
    halted(url)
    refused(command("release", "--yes"))
    monkeypatch.setenv(URL, url)
    shown = command("risk", "--json")
    assert json.loads(shown.stdout)["live"]["halted"]
    assert shown.stderr == f"store: {home}/other.sqlite\n"
    done = command("release", "--yes")
    assert done.stdout.splitlines()[0] == f"store: {home}/other.sqlite"
    assert "released ledger live" in done.stdout
    assert "nothing waits for a person" in command("release", "--yes").stdout
    assert files(home).keys() == {"other.sqlite"}


def test_an_empty_variable_means_the_file_in_user_data(
    home: Path,
    command: Command,
    halted: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halted("")
    monkeypatch.setenv(URL, "")
    monkeypatch.setenv("FREQPILOT_USERDIR", "")
    assert f"store: {home}/user_data/freqpilot.sqlite" in command("risk").stdout
    monkeypatch.setenv("FREQPILOT_USERDIR", "/freqtrade/user_data")
    assert "/freqtrade/user_data/freqpilot.sqlite" in refused(command("risk"))
    assert command("risk", "--userdir", "user_data").exit_code == 0


@pytest.mark.parametrize(
    "place", ["user_data/config.json", "config.json", "user_data/freqpilot/freqpilot.json"]
)
def test_without_a_config_those_of_a_plain_start_are_read(
    home: Path, command: Command, halted: Callable[[str], None], place: str
) -> None:
    url = f"sqlite:///{home}/other.sqlite"
    halted(url)
    file = home / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"freqpilot": {"store": {"url": url}}}))
    assert f"store: {home}/other.sqlite" in command("risk").stdout


def test_facts_are_in_the_database_that_the_environment_names(
    home: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "facts.csv"
    file.write_text(
        "source,asset,metric,value,event_time,available_at\n"
        "mine,BTC,m,1.0,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z\n"
    )
    monkeypatch.setenv(URL, f"sqlite:///{home}/other.sqlite")
    assert "1 new" in command("facts", "import", str(file)).stdout
    assert (home / "other-facts.sqlite").is_file()
    assert "mine" in command("facts", "list").stdout
    assert not [*(home / "user_data").iterdir()]


def test_layers_and_the_environment_count_as_for_the_bot(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def layer(name: str, **content: Any) -> str:
        (home / name).write_text(json.dumps(content))
        return name

    def url(*names: str, userdir: Path | None = None) -> str:
        config = storefile.read_config(names, userdir)
        return urls.store_url(storefile.Settings.from_config(config), config["user_data_dir"])

    first = layer("a.json", freqpilot={"store": {"url": "sqlite:///a.sqlite"}}, user_data_dir="ud")
    last = layer("b.json", freqpilot={"store": {"url": "sqlite:///b.sqlite"}})
    assert url(first) == f"sqlite:///{home}/ud/a.sqlite"
    assert url(first, last) == f"sqlite:///{home}/ud/b.sqlite"
    assert url(last, userdir=Path("mine")) == f"sqlite:///{home}/mine/b.sqlite"
    monkeypatch.setenv("FREQTRADE__USER_DATA_DIR", "env")
    monkeypatch.setenv(URL, "sqlite:///c.sqlite")
    assert url(first, last) == f"sqlite:///{home}/env/c.sqlite"
    assert url() == f"sqlite:///{home}/env/c.sqlite"


def test_a_config_that_is_missing_or_wrong_is_named(command: Command) -> None:
    said = refused(command("release", "--yes", "-c", "gone.json"))
    assert "gone.json" in said
    Path("bad.json").write_text(json.dumps({"freqpilot": {"stor": {}}}))
    assert "stor" in refused(command("release", "--yes", "-c", "bad.json"))


def test_a_server_out_of_reach_is_named_without_its_password(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv(URL, "postgresql://me:topsecret@127.0.0.1:1/bots")
    for arguments in COMMANDS[:4]:
        done = command(*arguments)
        said = refused(done)
        assert "postgresql://me:***@127.0.0.1:1/bots cannot be used" in said
        assert "topsecret" not in said + done.output


def test_the_store_of_a_server_is_shown_without_its_password(
    command: Command, postgres_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, postgres_store)
    assert "it holds no account" in refused(command("risk"))
    store = open_store(postgres_store)
    store.save_state("ledger live", {}, datetime.now(UTC))
    store.close()
    assert "nothing waits" in command("release", "--yes").stdout


def test_the_bot_of_the_stand_in_has_its_own_store(home: Path, command: Command) -> None:
    Path("layer.json").write_text(json.dumps(exchange_overlay("http://127.0.0.1:1", ["A/USDT"])))
    said = refused(command("risk", "-c", "layer.json"))
    assert f"{home}/user_data/standin/freqpilot.sqlite" in said
    assert not (home / "user_data" / "standin").exists()
