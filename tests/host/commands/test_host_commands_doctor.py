"""Doctor names each fault with its mend; the command line is quick and tells errors in a line."""

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freqtrade.configuration.load_config import load_config_file
from typer.testing import CliRunner

from children import child_environment
from freqpilot.cli import app
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.boot import start
from freqpilot.host.commands import doctor
from freqpilot.host.commands.init import init
from freqpilot.host.gate import bookrisk
from freqpilot.host.run.current import current, end
from freqpilot.host.seams import activation
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.risk.book.covariance import Closes
from freqpilot.settings import Settings
from freqpilot.shapes import Position


@pytest.fixture
def home(tmp_path: Path) -> Path:
    init(tmp_path / "user_data")
    return tmp_path / "user_data"


def findings(home: Path, *names: str, **overlay: Any) -> dict[str, doctor.Finding]:
    file = home / "overlay.json"
    file.write_text(json.dumps({"exchange": {"name": "binance"}, **overlay}))
    files = [str(home / "freqpilot" / f"{name}.json") for name in names] + [str(file)]
    return {f.check: f for f in doctor.examine(files, str(home))}


def test_all_is_well(home: Path) -> None:
    SyntheticMarket(("BTC/USDT",), candles=50).write_candles(home / "data" / "binance")
    found = findings(home, "base", "exchange-binance", "autopilot", "freqpilot")
    assert [f for f in found.values() if not f.ok] == []
    assert "1 candle file" in found["data"].detail


@pytest.mark.parametrize(
    ("name", "dry_run", "allowed", "ok", "words"),
    [
        ("binance", False, False, True, "binance (spot) is proven"),
        ("kraken", True, False, True, "unproven exchange: kraken (spot); live it needs"),
        ("kraken", False, False, False, '"risk": {"unproven_exchange": true}'),
        ("kraken", False, True, True, "unproven exchange: kraken (spot), which you have allowed"),
    ],
)
def test_whether_the_exchange_is_proven(
    home: Path, name: str, dry_run: bool, allowed: bool, ok: bool, words: str
) -> None:
    section = {"risk": {"unproven_exchange": True}} if allowed else {}
    overlay = {"exchange": {"name": name}, "dry_run": dry_run, "freqpilot": section}
    finding = findings(home, "base", "freqpilot", **overlay)["exchange"]
    assert finding.ok is ok
    assert words in finding.detail


@pytest.mark.parametrize(
    ("names", "overlay", "check", "words"),
    [
        (("base", "freqpilot"), {}, "data", "freqtrade download-data"),
        (("base",), {}, "config.activation", "add -c freqpilot.json"),
        (("base",), {}, "config.protections", '"enable_protections": true'),
        (("base", "freqpilot"), {"freqpilot": {"seeed": 1}}, "config", "did you mean 'seed'"),
        (
            ("base", "freqpilot"),
            {"internals": {"process_throttle_secs": 180}},
            "loop",
            "internals.process_throttle_secs is 180",
        ),
        (
            ("base", "freqpilot"),
            {"freqpilot": {"store": {"url": "nonsense://"}}},
            "database",
            "nonsense",
        ),
        (
            ("base", "freqpilot"),
            {"webhook": {"enabled": True, "url": "http://127.0.0.1:9/x"}},
            "alerts",
            '"webhook": {"warning": {"status": "{status}"}}',
        ),
    ],
)
def test_each_fault_names_its_mend(
    home: Path, names: tuple[str, ...], overlay: dict[str, Any], check: str, words: str
) -> None:
    found = findings(home, *names, **overlay)
    assert not found[check].ok
    assert words in found[check].detail


def test_a_seam_that_something_else_replaced_again_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(home)["activation"].detail == "all seams are in place"
    seam = next(each for each in start.all_seams() if any(place.make for place in each.places))
    owner, name = next(place for place in seam.places if place.make is not None).owner()
    monkeypatch.setattr(owner, name, lambda *_args, **_named: None)
    monkeypatch.setattr(start, "activate", lambda: None)
    monkeypatch.setattr(activation, "fault_of", lambda _seam: None)
    found = findings(home)["activation"]
    assert not found.ok
    assert f"not in place: {seam.name};" in found.detail


def test_a_busy_port_is_found_before_freqtrade_hangs_on_it(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        api = {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": taken.getsockname()[1],
            "username": "u",
            "password": "p",
        }
        found = findings(home, "base", "freqpilot", api_server=api)
    assert not found["api port"].ok
    assert "would hang at its start" in found["api port"].detail


def test_a_corrupt_database_is_named_and_left_alone(home: Path) -> None:
    file = home / "freqpilot.sqlite"
    file.write_bytes(b"this is no database" * 100)
    found = findings(home, "base", "freqpilot")
    assert not found["database"].ok
    assert file.read_bytes() == b"this is no database" * 100


def test_init_touches_nothing_of_the_users(tmp_path: Path) -> None:
    own = tmp_path / "config.json"
    own.write_text("{}")
    first = init(tmp_path)
    changed = first.folder / "base.json"
    changed.write_text('{"dry_run_wallet": 5}')
    second = init(tmp_path)
    assert own.read_text() == "{}"
    assert changed in second.kept
    assert second.written == ()
    assert changed.read_text() == '{"dry_run_wallet": 5}'
    assert changed in init(tmp_path, force=True).written


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ((), ["freqpilot.json"]),
        (("--profile", "full"), ["freqpilot.json"]),
        (("--profile", "watch"), ["freqpilot.json", "watch.json"]),
        (("--profile", "guard"), ["freqpilot.json", "guard.json"]),
    ],
)
def test_init_names_the_layers_of_a_profile(
    tmp_path: Path, options: tuple[str, ...], layers: list[str]
) -> None:
    done = CliRunner().invoke(app, ["init", "--userdir", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    named = "-c config.json " + " ".join(f"-c {tmp_path / 'freqpilot' / name}" for name in layers)
    assert [line.strip() for line in done.output.splitlines() if "-c config" in line] == [
        f"freqtrade trade {named}",
        f"freqpilot doctor {named}",
    ]
    for name in layers[1:]:
        found = json_of(tmp_path / "freqpilot" / name)
        assert Settings.from_config(found).risk.profile == name.removesuffix(".json")


def json_of(file: Path) -> dict[str, Any]:
    """Read a config with its comments, as Freqtrade does."""
    return dict(load_config_file(str(file)))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "freqpilot.cli", *arguments],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_doctor_prints_json_and_its_exit_code() -> None:
    done = command("doctor", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, document
    assert document["ok"]
    assert {"versions", "activation", "door strategies"} <= {
        finding["check"] for finding in document["findings"]
    }


def test_an_error_is_one_line_with_its_exit_code(tmp_path: Path) -> None:
    done = command("demo", "--datadir", str(tmp_path / "gone"), "--userdir", str(tmp_path))
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_releasing_without_a_halt_says_so(tmp_path: Path) -> None:
    config = {"freqpilot": {}, "user_data_dir": str(tmp_path), "dry_run": True}
    begin(config, live=True)
    observe(current(), datetime.now(UTC), 1_000.0)
    end()
    done = command("release", "--yes", "--userdir", str(tmp_path))
    lines = [f"store: {tmp_path}/freqpilot.sqlite", "nothing waits for a person"]
    assert done.stdout.splitlines() == lines


def test_a_store_that_no_bot_has_written_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = command("release", "--yes", "--userdir", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("freqpilot: no bot has written the store")
    assert done.stderr.count("\n") == 1
    assert not done.stdout
    assert not [*tmp_path.iterdir()]


def test_importing_the_package_is_cheap() -> None:
    script = (
        "import sys, freqpilot; heavy = {'numpy', 'pandas', 'numba', 'sqlalchemy', 'torch', "
        "'transformers', 'stable_baselines3', 'ray', 'freqtrade', 'hmmlearn'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_risk_shows_the_account_as_it_was_last_seen(tmp_path: Path) -> None:
    config = {"freqpilot": {}, "user_data_dir": str(tmp_path), "dry_run": True}
    begin(config, live=True)
    now = datetime.now(UTC)
    observe(current(), now - timedelta(minutes=2), 1_000.0)
    observe(current(), now, 990.0)
    positions = [Position("SOL/USDT", "long", 99.0, 99.0)]
    closes = Closes(
        np.arange(0, now.timestamp() + 1, 3_600).astype(np.int64)[-1_000:], np.ones(1_000)
    )
    current().part(bookrisk.BookRisk).begin(lambda pairs, *_: dict.fromkeys(pairs, closes), "1h")
    current().part(bookrisk.BookRisk).keep(now, positions)
    end()
    shown = command("risk", "--userdir", str(tmp_path), "--json")
    account = json.loads(shown.stdout)["dry run"]
    assert (account["equity"], account["peak"]) == (990.0, 1_000.0)
    assert account["book"]["classes"] == {"top20": pytest.approx(0.1)}
    table = command("risk", "--userdir", str(tmp_path)).stdout
    assert "loss of the day" in table
    assert "dry run: equity 990.00" in table
    assert "top20 10.0%" in table
    assert "flash crash" in table
