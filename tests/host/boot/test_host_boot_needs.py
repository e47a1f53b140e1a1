"""A command gets the seams that it needs, and nothing that trades or tests is without its own."""

import argparse
import json
import pickle
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from freqtrade.commands.arguments import Arguments
from freqtrade.enums import RunMode

from children import child_environment
from freqpilot.errors import RefuseToStart
from freqpilot.host.boot import start, unclean
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.boot.needs import ALL, BACKTEST, COMMANDS, FREQAI, LIVE, groups_for, guard
from freqpilot.host.run import exitsonly
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Seam, SeamError

PLUGINS = {"config", "strategies", "parameters", "protections", "pairlists", "candles", "trading"}
EXPECTED: dict[RunMode, set[str]] = {
    RunMode.LIVE: PLUGINS | {"live"},
    RunMode.DRY_RUN: PLUGINS | {"live"},
    RunMode.BACKTEST: PLUGINS | {"backtest"},
    RunMode.HYPEROPT: PLUGINS | {"backtest", "hyperopts"},
    RunMode.UTIL_EXCHANGE: set(ALL),
    RunMode.UTIL_NO_EXCHANGE: set(ALL),
    RunMode.PLOT: set(ALL),
    RunMode.WEBSERVER: set(ALL),
    RunMode.OTHER: set(ALL),
}


def commands() -> set[str]:
    """Return the names of Freqtrade's commands."""
    made = Arguments([])
    made._build_subcommands()
    parsers = [a for a in made.parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {name for action in parsers for name in action.choices}


@pytest.mark.parametrize("mode", RunMode)
def test_each_mode_of_freqtrade_gets_the_seams_that_the_table_names(mode: RunMode) -> None:
    assert groups_for({"runmode": mode}, None) == EXPECTED[mode]
    assert guard(groups_for({"runmode": mode}, None))


@pytest.mark.parametrize("mode", ["", None, "margin_trade"])
@pytest.mark.parametrize("command", ["show-config", "trade", None])
def test_a_mode_that_nobody_knows_gets_all(mode: str | None, command: str | None) -> None:
    assert groups_for({"runmode": mode}, command) == set(ALL)


@pytest.mark.parametrize("mode", [RunMode.UTIL_EXCHANGE, RunMode.UTIL_NO_EXCHANGE])
def test_only_commands_that_are_named_are_spared_a_seam(mode: RunMode) -> None:
    spared = {name for name in commands() if groups_for({"runmode": mode}, name) != set(ALL)}
    assert spared == set(COMMANDS)
    assert not any(guard(groups) for groups in COMMANDS.values())
    assert not spared & {"trade", "backtesting", "hyperopt", "webserver", "lookahead-analysis"}
    assert not spared & {"recursive-analysis", "backtesting-analysis", "plot-dataframe"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mode", [m for m in RunMode if "util" not in m])
def test_a_command_that_is_spared_is_not_in_another_mode(command: str, mode: RunMode) -> None:
    assert groups_for({"runmode": mode}, command) == EXPECTED[mode]


KERNELS = """
import sys
from freqpilot.host.boot import needs, start
for mode in sys.argv[1:]:
    start.seams_of(needs.RUNMODES[mode])
print("numba" in sys.modules)
"""


def test_the_seams_alone_load_no_compiler(tmp_path: Path) -> None:
    """It would cost the backtest of a strategy that needs no kernel 100 MB."""
    said = subprocess.run(
        [sys.executable, "-c", KERNELS, "backtest", "dry_run", "hyperopt"],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip() == "False"


@pytest.mark.parametrize(
    ("section", "more"),
    [({"enabled": True}, FREQAI), ({"enabled": False}, set()), ({}, set()), (None, set())],
)
def test_freqai_is_imported_where_it_is_on(section: Any, more: Collection[str]) -> None:
    config = {"runmode": RunMode.DRY_RUN, "freqai": section}
    assert groups_for(config, "trade") == LIVE | more
    assert groups_for({**config, "runmode": "backtest"}, "backtesting") == BACKTEST | more
    assert groups_for({**config, "runmode": "webserver"}, "webserver") == set(ALL)


CHILD = """
import json, sys
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqpilot.host.boot import start
from freqpilot.host.seams import activation

found = []
for command, mode in (("show-config", "util_no_exchange"), ("backtesting", "backtest"),
                      ("lookahead-analysis", "util_no_exchange")):
    args = {"config": sys.argv[1:], "command": command, "user_data_dir": "user_data"}
    Configuration(args, RunMode(mode)).get_config()
    groups = activation.groups()
    bot = "freqtrade.freqtradebot" in sys.modules
    found.append([groups, activation.active(), activation.refusal(), bot])
    assert all(seam.is_applied() for seam in start.seams_of(groups))
print(json.dumps(found))
"""


@pytest.mark.slow
def test_the_seams_of_a_command_are_in_place_when_its_configuration_is_read(tmp_path: Path) -> None:
    (tmp_path / "user_data").mkdir()
    files = [config_dir() / f"{name}.json" for name in ("base", "exchange-binance", "freqpilot")]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, files)],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shown, tested, analysed = json.loads(done.stdout.splitlines()[-1])
    assert shown == [["config"], False, None, False]
    assert tested[:3] == [sorted(BACKTEST), True, None]
    assert not tested[3]  # a backtest imports nothing of the bot
    assert analysed[:3] == [sorted(ALL), True, None]


WORKER = """
import pickle, sys
carrier = pickle.load(sys.stdin.buffer)
from freqpilot.host.seams import activation
print(repr(carrier), activation.active(), *activation.groups())
"""


@pytest.mark.slow
def test_a_worker_process_gets_the_seams_of_the_one_that_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activation, "_state", activation._State(groups=set(BACKTEST)))
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=pickle.dumps(start.CARRIER),
        env=child_environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split() == ["freqpilot", "True", *sorted(BACKTEST)]


def misfit() -> None:
    raise SeamError("FreqAI is another one")


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> activation._State:
    """A bot that runs without FreqAI, whose seams do not fit."""
    table = {"live": Seam("live", "test", "never"), "freqai": Seam("freqai", "", "", (), misfit)}
    state = activation._State(table=lambda names: [table[name] for name in names])
    monkeypatch.setattr(activation, "_state", state)
    activation.complete(["live"], guards=True)
    return state


@pytest.mark.parametrize("purpose", ["check", "reload"])
def test_a_reload_that_needs_a_seam_that_does_not_fit_is_refused_and_the_bot_goes_on(
    running: activation._State, purpose: Any
) -> None:
    from freqtrade.exceptions import OperationalException

    config = {"runmode": "dry_run", "db_url": "sqlite://"}
    with unclean.reading_to(purpose):
        with pytest.raises(OperationalException, match="seam freqai: FreqAI is another one"):
            unclean.accept_seams(config, {"live", "freqai"})
        unclean.accept_seams(config, {"live"})
    assert running.active
    assert running.refusal is None
    assert exitsonly.reason() is None


def test_a_configuration_that_is_only_looked_at_puts_nothing_in_place(
    running: activation._State,
) -> None:
    fits = Seam("freqai", "test", "never")
    running.table = lambda names: [fits for _ in names]
    for purpose, groups in (("check", {"live"}), ("reload", {"live", "freqai"})):
        with unclean.reading_to(purpose):  # type: ignore[arg-type]
            unclean.accept_seams({"runmode": "dry_run"}, {"live", "freqai"})
        assert running.groups == groups


def test_a_strategy_refuses_to_trade_with_half_of_the_seams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from freqtrade.exceptions import OperationalException

    monkeypatch.setattr(activation, "_state", activation._State(table=lambda _: []))
    for groups in COMMANDS.values():
        start.complete(groups)
    with pytest.raises(OperationalException, match="Autopilot refuses to trade without"):
        activation.require_active("Autopilot")
    start.complete(BACKTEST)
    activation.require_active("Autopilot")


def test_a_misfit_is_one_line_of_all_faults() -> None:
    seams = [Seam(name, "test", "never", (), misfit) for name in ("first", "second")]
    with pytest.raises(RefuseToStart, match=r"^seam first: F.*; seam second: F.*does not fit this"):
        activation.require_fit(seams)
