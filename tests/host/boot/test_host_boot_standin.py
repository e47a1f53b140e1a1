"""The stand-in exchange and a real one never write into one place."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from children import child_environment
from freqpilot.errors import RefuseToStart
from freqpilot.host.boot import standin
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.commands.init import init
from freqpilot.host.log import DecisionLogHandler
from freqpilot.rehearsal.bot.run import write_overlay
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.rehearsal.plan.session import RehearsalOptions
from freqpilot.rehearsal.plan.stage import Stage
from freqpilot.settings import Settings
from freqpilot.store import urls

HERE = "http://127.0.0.1:18555"
PAIRS = ("BTC/USDT", "ETH/USDT")
Bot = Callable[..., dict[str, Any]]


@pytest.fixture
def user_data(tmp_path: Path) -> Path:
    """Return a folder with a user's own candles, trades and store."""
    folder = tmp_path / "user_data"
    (folder / "data" / "binance").mkdir(parents=True)
    for name in ("data/binance/BTC_USDT-1h.feather", "freqpilot.sqlite"):
        (folder / name).write_bytes(b"the user's own")
    return folder


@pytest.fixture
def bot(user_data: Path) -> Bot:
    """Return a function that gives a config as Freqtrade hands it to the set-up seam."""

    def config(mode: str = "dry_run", here: bool = True, **more: Any) -> dict[str, Any]:
        exchange = exchange_overlay(HERE, PAIRS)["exchange"] if here else {"name": "binance"}
        return {
            "runmode": mode,
            "dry_run": mode != "live",
            "user_data_dir": user_data,
            "datadir": user_data / "data" / "binance",
            "db_url": "sqlite:///tradesv3.dryrun.sqlite",
            "exchange": exchange,
            "freqpilot": {},
            **more,
        }

    return config


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("mode", ["live", "dry_run"])
def test_a_bot_of_the_stand_in_has_places_of_its_own(
    bot: Bot, user_data: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    before = content(user_data)
    config = bot(
        mode,
        freqpilot={"store": {"shared": "sqlite:////srv/bots.sqlite"}},
        freqai={"enabled": True, "identifier": "mine"},
    )
    standin.keep_apart(config)
    home = user_data / "standin"
    assert config["datadir"] == home / "data" / "binance"
    assert config["datadir"].is_dir()
    assert config["db_url"] == f"sqlite:///{home}/tradesv3.dryrun.sqlite"
    assert config["freqpilot"]["store"] == {
        "url": f"sqlite:///{home}/freqpilot.sqlite",
        "shared": f"sqlite:///{home}/bots.sqlite",
    }
    assert config["freqai"]["identifier"] == "standin-mine"
    assert standin.is_marked(home)
    assert "SYNTHETIC" in (config["datadir"] / "SYNTHETIC.md").read_text(encoding="utf-8")
    for place in (config["datadir"], config["db_url"], config["freqpilot"]["store"]["url"]):
        assert str(place) in caplog.text
    after = content(user_data)
    assert {name: after[name] for name in before} == before

    def plain(found: dict[str, Any]) -> str:
        return json.dumps(found, default=str, sort_keys=True)

    once = plain(config)
    standin.keep_apart(config)
    assert plain(config) == once


def test_facts_stay_where_they_are(bot: Bot, user_data: Path) -> None:
    config = bot()
    standin.keep_apart(config)
    assert config["freqpilot"]["facts"]["url"] == f"sqlite:///{user_data}/freqpilot-facts.sqlite"
    named = bot(freqpilot={"facts": {"url": "sqlite:////srv/facts.sqlite"}})
    standin.keep_apart(named)
    assert named["freqpilot"]["facts"]["url"] == "sqlite:////srv/facts.sqlite"


def test_a_relative_user_data_folder_is_counted_once(
    bot: Bot, user_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user_data.parent)
    config = bot(user_data_dir=Path("user_data"))
    standin.keep_apart(config)
    url = urls.store_url(Settings.from_config(config), config["user_data_dir"])
    assert url == f"sqlite:///{user_data}/standin/freqpilot.sqlite"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("postgresql://me@db/bot", "sqlite:///{home}/freqpilot.sqlite"),
        ("sqlite:///mine.sqlite", "sqlite:///{home}/mine.sqlite"),
        ("sqlite:////srv/mine.sqlite", "sqlite:///{home}/mine.sqlite"),
        ("sqlite:///played/s.sqlite", "sqlite:///played/s.sqlite"),
        ("sqlite:///standin/s.sqlite", "sqlite:///standin/s.sqlite"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_a_store_that_is_named_is_kept_where_it_is_the_stand_ins(
    bot: Bot, user_data: Path, url: str, own: str
) -> None:
    standin.mark(user_data / "played")
    standin.mark(user_data / "standin")
    config = bot(freqpilot={"store": {"url": url}}, db_url="sqlite://")
    standin.keep_apart(config)
    assert config["freqpilot"]["store"]["url"] == own.format(home=user_data / "standin")
    assert config["db_url"] == "sqlite://"


@pytest.mark.parametrize("mode", ["live", "dry_run", "util_exchange", "webserver"])
@pytest.mark.parametrize(
    "name", ["BTC_USDT-1h.feather", "futures/BTC_USDT_USDT-8h-mark.json.gz", "BTC-trades.parquet"]
)
def test_a_folder_of_other_candles_is_refused(
    bot: Bot, tmp_path: Path, mode: str, name: str
) -> None:
    file = tmp_path / "real" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"real")
    with pytest.raises(RefuseToStart, match=r"real holds candles that are not its own.*--datadir"):
        standin.keep_apart(bot(mode, datadir=tmp_path / "real"))
    assert content(tmp_path / "real") == {name: b"real"}
    standin.mark(tmp_path / "real")
    config = bot(mode, datadir=tmp_path / "real")
    standin.keep_apart(config)
    assert config["datadir"] == tmp_path / "real"


def test_a_link_into_the_stand_ins_folder_is_seen_through(user_data: Path, tmp_path: Path) -> None:
    (user_data / "played" / "data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(user_data / "played" / "data")
    assert not standin.is_marked(tmp_path / "link")
    standin.mark(user_data / "played")
    assert standin.is_marked(tmp_path / "link")


def test_a_new_folder_becomes_the_stand_ins(bot: Bot, tmp_path: Path) -> None:
    config = bot(datadir=tmp_path / "new")
    standin.keep_apart(config)
    assert config["datadir"] == tmp_path / "new"
    with pytest.raises(RefuseToStart, match=r"new holds what a stand-in exchange has written"):
        standin.keep_apart(bot(here=False, datadir=tmp_path / "new"))


@pytest.mark.parametrize("mode", ["live", "dry_run", "util_exchange"])
def test_a_bot_of_a_real_exchange_refuses_the_stand_ins_candles(
    bot: Bot, user_data: Path, mode: str
) -> None:
    standin.mark(user_data / "played")
    inside = user_data / "played" / "data"
    with pytest.raises(RefuseToStart, match=r"played/data .*real exchange.*--datadir"):
        standin.keep_apart(bot(mode, here=False, datadir=inside))


@pytest.mark.parametrize(
    ("more", "option"),
    [
        ({"db_url": "sqlite:///{home}/tradesv3.sqlite"}, "--db-url"),
        ({"freqpilot": {"store": {"url": "sqlite:///standin/s.sqlite"}}}, "store.url"),
        ({"freqpilot": {"store": {"shared": "sqlite:///{home}/s.sqlite"}}}, "store.shared"),
    ],
)
def test_a_bot_of_a_real_exchange_refuses_the_stand_ins_databases(
    bot: Bot, user_data: Path, more: dict[str, Any], option: str
) -> None:
    home = user_data / "standin"
    standin.mark(home)
    given = json.loads(json.dumps(more).replace("{home}", str(home)))
    with pytest.raises(RefuseToStart, match=rf"standin holds .*{option}"):
        standin.keep_apart(bot("live", here=False, **given))


def test_a_real_bot_is_left_as_it_is(bot: Bot, user_data: Path) -> None:
    standin.mark(user_data / "standin")
    config, same = (bot("live", here=False, freqai={"enabled": True}) for _ in range(2))
    standin.keep_apart(config)
    assert config == same


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ({"public": f"{HERE}/api/v3", "private": f"{HERE}/api/v3"}, True),
        ({"public": "https://api.binance.com", "private": "http://localhost:1/api"}, True),
        ({"rest": "http://[::1]:18555"}, True),
        ({"spot": {"private": "http://127.4.5.6/x"}}, True),
        (HERE, True),
        ({"public": f"{HERE}/api/v3", "fapiPublic": f"{HERE}/fapi/v1"}, False),  # a price proxy
        ({"public": "https://api.binance.com", "private": "https://{hostname}/x"}, False),
        ({"private": "http://10.0.0.1"}, False),
        ({"private": "http://[broken"}, False),
        ({"private": None}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("key", ["ccxt_config", "ccxt_sync_config", "ccxt_async_config"])
def test_a_stand_in_is_told_by_where_orders_go(key: str, api: Any, expected: bool) -> None:
    assert standin.is_standin({"exchange": {key: {"urls": {"api": api}}}}) is expected


def test_the_packs_layer_is_of_the_stand_in() -> None:
    from freqtrade.configuration.load_config import load_config_file

    layers = {file.stem: load_config_file(str(file)) for file in config_dir().glob("*.json")}
    assert [name for name, layer in sorted(layers.items()) if standin.is_standin(layer)] == [
        "exchange-rehearsal"
    ]


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("mode", ["backtest", "hyperopt"])
def test_a_backtest_reads_any_candles_and_says_what_they_are(
    bot: Bot, user_data: Path, caplog: pytest.LogCaptureFixture, mode: str, here: bool
) -> None:
    config = bot(mode, here=here)
    standin.keep_apart(config)
    assert config == bot(mode, here=here)
    assert not caplog.text
    standin.mark(user_data / "played")
    config = bot(mode, here=here, datadir=user_data / "played")
    standin.keep_apart(config)
    assert config["datadir"] == user_data / "played"
    assert config["freqpilot"]["synthetic"]
    assert "SYNTHETIC: the candles in" in caplog.text


def test_the_decision_log_is_kept_apart(bot: Bot, user_data: Path, tmp_path: Path) -> None:
    given = [Path("logs/decisions.jsonl"), tmp_path / "own.jsonl"]
    root = logging.getLogger()
    handlers = [DecisionLogHandler(str(name)) for name in given]
    for handler in handlers:
        root.addHandler(handler)
    try:
        standin.keep_apart(bot())
        own = user_data / "standin" / "logs" / "decisions.jsonl"
        assert [handler.file for handler in handlers] == [own, given[1]]
    finally:
        for handler in handlers:
            root.removeHandler(handler)


def test_a_command_that_only_reads_makes_no_folder(bot: Bot, user_data: Path) -> None:
    before = {*user_data.rglob("*")}
    config = bot("util_no_exchange")
    standin.keep_apart(config)
    assert config["datadir"] == user_data / "standin" / "data" / "binance"
    named = bot("util_no_exchange", datadir=user_data.parent)
    standin.keep_apart(named)
    assert named["datadir"] == user_data.parent
    assert {*user_data.rglob("*")} == before


def test_a_folder_that_cannot_be_written_refuses(bot: Bot, user_data: Path) -> None:
    (user_data / "standin").write_text("a file")
    with pytest.raises(RefuseToStart, match=r"standin/data/binance cannot be written"):
        standin.keep_apart(bot())


LAYERS = ("base", "exchange-rehearsal", "autopilot", "freqpilot")


@pytest.fixture
def layers(tmp_path: Path) -> Iterator[list[str]]:
    """Return the user's configs with the pack's own layer of the stand-in, which runs."""
    folder = init(tmp_path / "user_data").folder
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    market = SyntheticMarket(PAIRS, 60, now - timedelta(days=60), 24 * 61, 7)
    real = SyntheticMarket(PAIRS, 60, now - timedelta(days=90), 24 * 60, 8)
    real.write_candles(tmp_path / "user_data" / "data" / "binance")
    (tmp_path / "user_data" / "data" / "binance" / "SYNTHETIC.md").unlink()
    with RehearsalServer(Tape.from_market(market), lambda: datetime.now(UTC).timestamp()) as server:
        layer = folder / "exchange-rehearsal.json"
        text = layer.read_text(encoding="utf-8").replace(HERE, server.url)
        layer.write_text(re.sub(r'("pair_whitelist": )\[.*\]', rf"\1{json.dumps(PAIRS)}", text))
        files = [str(folder / f"{name}.json") for name in LAYERS]
        yield [*(part for file in files for part in ("-c", file)), "--userdir", "user_data"]


@pytest.mark.slow
def test_what_a_user_has_of_a_real_exchange_is_not_touched(
    layers: list[str], tmp_path: Path
) -> None:
    user_data = tmp_path / "user_data"
    before = content(tmp_path)
    environment, python = child_environment(), [sys.executable, "-m", "freqtrade"]
    download = ["download-data", *layers, "--timeframes", "1h", "--days", "20"]
    done = subprocess.run(
        [*python, *download],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with subprocess.Popen(
        [*python, "trade", *layers],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line)
            if "Bot heartbeat" in line:
                child.terminate()
        text = "".join(lines)
    assert "Bot heartbeat" in text, text[-3000:]
    after = content(tmp_path)
    new = {name for name in after if not name.startswith("user_data/standin/")} - {*before}
    assert {name: after[name] for name in before} == before
    assert new == set()
    home = user_data / "standin"
    for name in ("data/binance/BTC_USDT-1h.feather", "tradesv3.dryrun.sqlite", "freqpilot.sqlite"):
        assert (home / name).is_file(), name


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_rehearsal_stays_in_its_own_folder(bot: Bot, user_data: Path, synthetic: bool) -> None:
    now, run_dir = datetime.now(UTC), user_data / "rehearsal" / "a"
    run_dir.mkdir(parents=True)
    stage = Stage(synthetic, now, now, now, 60, list(PAIRS), 30)
    write_overlay(RehearsalOptions(user_data), stage, {}, HERE, run_dir)
    overlay = json.loads((run_dir / "overlay.json").read_text(encoding="utf-8"))
    config = bot(
        datadir=run_dir / "data",
        db_url=f"sqlite:///{run_dir}/trades.sqlite",
        freqpilot=overlay["freqpilot"],
    )
    standin.keep_apart(config)
    assert config["datadir"] == run_dir / "data"
    assert config["db_url"] == f"sqlite:///{run_dir}/trades.sqlite"
    assert config["freqpilot"] == overlay["freqpilot"]
    assert not (user_data / "standin").exists()
