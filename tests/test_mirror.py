"""Tests of ``host`` and ``risk`` mirror them: each module has a file of tests of its name.

``plugins/freqpilot/host/orders/stops.py`` has ``tests/host/orders/test_host_orders_stops.py``, or
one of that name with what it is about behind it, as ``test_host_orders_sending_kinds.py``.
"""

from collections import Counter
from pathlib import Path

import pytest

from children import ROOT

LIBRARY = ROOT / "plugins" / "freqpilot"
ROOMS = ("host", "risk")
TESTS = ROOT / "tests"

WITHOUT = {
    "host/log": "its handler is a decision log that calls the start: tests/host/boot",
    "host/account/begin": "nearly every test of host begins a run by it",
    "host/boot/digests": "test_host_keys.py, facts/test_host_facts_columns.py: what is in one",
    "host/boot/doors": "boot/test_host_boot_resolvers.py: each kind has a folder",
    "host/boot/parameterfiles": "tests/doors: a strategy's parameters in a checkout and in a wheel",
    "host/boot/setup": "run/test_host_run_exitsonly.py and trading/test_host_trading_exits.py",
    "host/boot/start": "seams/test_host_seams_seam.py, run/test_host_run_exitsonly.py",
    "host/boot/unclean": "run/test_host_run_exitsonly.py: each start that is not clean",
    "host/candles/feeds": "tests/doors/test_door_market_protections.py: the candles that they see",
    "host/commands/init": "commands/test_host_commands_doctor.py: it leaves users' files alone",
    "host/facts/database": "facts/test_host_facts_columns.py and test_host_postgres.py read by it",
    "host/facts/signals": "tests/facts/test_facts_text_command.py: from a text to a column",
    "host/forms/factfilter": "tests/pairlists/test_pairlists_facts.py: the pairlists that it is",
    "host/forms/pairlist": "tests/pairlists/test_pairlists_options.py: the pairlists that it is",
    "host/forms/protection": "tests/doors/test_door_protections.py: the protections that it is",
    "host/frames/edge/backtest": "frames/edge/test_host_frames_edge_groups.py: live as here",
    "host/frames/populate": "frames/test_host_frames_decisions.py and frames/edge call it",
    "host/freqai/columns": "constants only",
    "host/freqai/features/block": "freqai/features/test_host_freqai_features_stage.py, bit by bit",
    "host/freqai/pooled/sources": "freqai/pooled/test_host_freqai_pooled_forecaster.py",
    "host/freqai/training/queue": "test_host_freqai_faults.py: stock FreqAI's queue beside it",
    "host/seams/activation": "seams/test_host_seams_seam.py and boot/test_host_boot_reload.py",
    "host/trading/base": "tests/doors: each strategy is one",
    "risk/account/record": "test_risk_boundaries.py: streaks, win rates, profit factor",
    "risk/entries/diversification": "test_risk_boundaries.py: each class and sector",
    "risk/soundness": "test_risk_boundaries.py and entries/test_risk_entries_limits.py",
}
"""Modules without a file of tests of their name, and what tests them instead."""


def modules() -> list[str]:
    """Return the modules as their paths, ``host/orders/stops``."""
    files = (file for room in ROOMS for file in (LIBRARY / room).rglob("*.py"))
    found = (file.relative_to(LIBRARY) for file in files)
    return sorted(str(file.with_suffix("")) for file in found if file.stem != "__init__")


def files_of(module: str, names: list[str]) -> list[str]:
    """Return the files among ``names`` that bear the module's name, or begin with it."""
    own = "test_" + module.replace("/", "_")
    return [name for name in names if name == f"{own}.py" or name.startswith(f"{own}_")]


def named() -> list[str]:
    return [file.name for room in ROOMS for file in (TESTS / room).rglob("test_*.py")]


@pytest.mark.parametrize("module", modules())
def test_a_module_has_tests_of_its_name(module: str) -> None:
    found = files_of(module, named())
    if module in WITHOUT:
        assert found == [], f"{module} has tests of its name now: take it out of WITHOUT"
    else:
        assert found, f"write tests of {module}, or say in WITHOUT what tests it"


def test_a_module_without_tests_is_noticed() -> None:
    names = ["test_host_orders_stopsign.py", "test_host_orders_stops_kinds.py"]
    assert files_of("host/orders/stops", names) == ["test_host_orders_stops_kinds.py"]
    assert files_of("host/orders/stop", names) == []


def test_what_is_left_out_is_there() -> None:
    assert set(WITHOUT) <= set(modules())


def test_files_of_tests_have_names_of_their_own() -> None:
    """Folders of tests are no packages, so two files of one name would be one module."""
    names = Counter(file.name for file in TESTS.rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []


def test_files_of_a_room_lie_in_its_folder() -> None:
    for module in modules():
        for name in files_of(module, named()):
            (file,) = TESTS.rglob(name)
            assert file.parent.relative_to(TESTS) == Path(module).parent
