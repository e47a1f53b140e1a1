"""What the second backtest of ``report --beside`` is run with, and what is refused before one is.

That both run and are compared is played in tests/host/test_host_guide.py.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.bot import beside
from freqpilot.rehearsal.bot.beside import BesideOptions, backtest_beside, without_supervisor

GUARD = {"risk": {"profile": "guard"}, "run": {"supervisor": True, "profile": "guard"}}


def run(fees: tuple[float, ...] = (0.001, 0.001), **stats: Any) -> Any:
    section = {**GUARD, "digest": {"data": "a"}}
    return SimpleNamespace(
        file=Path("backtest-result-1.zip"),
        strategy="Dip",
        pairs=("A/USDT", "B/USDT"),
        stats={"timerange": "20240101-20240201", "stake_amount": 50, **stats},
        config={"freqpilot": section, "config_files": ["c.json"], "stake_amount": "unlimited"},
        trades=pd.DataFrame({"fee_open": fees[:1], "fee_close": fees[1:]}),
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of each backtest that is asked for; none is run."""
    found: list[list[str]] = []

    def freqtrade(arguments: list[str], folder: Path) -> list[str]:
        found.append(arguments)
        return ["the exchange could not be reached"]

    monkeypatch.setattr(beside, "run_freqtrade", freqtrade)
    return found


def test_the_other_side_is_the_same_but_for_the_supervisor(
    tmp_path: Path, asked: list[list[str]]
) -> None:
    options = BesideOptions(tmp_path, datadir=tmp_path / "candles")
    with pytest.raises(RefuseToStart, match="the exchange could not be reached"):
        without_supervisor(run(max_open_trades_setting=3, enable_protections=True), options)
    (arguments,) = asked
    config = json.loads(Path(arguments[arguments.index("-c") + 1]).read_text("utf-8"))
    assert config == {
        "freqpilot": {"risk": {"profile": "guard"}, "supervisor": False},
        "stake_amount": 50,
        "max_open_trades": 3,
    }
    text = " ".join(arguments)
    for part in (
        "--strategy Dip --timerange 20240101-20240201 --fee 0.001 --enable-protections",
        "--pairs A/USDT B/USDT",
        f"--datadir {tmp_path / 'candles'}",
        "--cache none",
    ):
        assert part in text


def test_fees_that_differ_by_pair_are_left_to_the_exchange(
    tmp_path: Path, asked: list[list[str]]
) -> None:
    with pytest.raises(RefuseToStart):
        without_supervisor(run((0.001, 0.002)), BesideOptions(tmp_path))
    assert "--fee" not in asked[0]


def test_a_result_that_nothing_was_changed_in_has_no_other_side(tmp_path: Path) -> None:
    watched = run()
    watched.config["freqpilot"]["run"]["profile"] = "watch"
    with pytest.raises(RefuseToStart, match=r"backtest-result-1\.zip .* give -c"):
        without_supervisor(watched, BesideOptions(tmp_path))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "without Freqpilot's layers there is nothing to compare"),
        ({"freqpilot": {"supervisor": False}}, "supervisor is false in the config"),
        ({"freqpilot": {"risk": {"profile": "watch"}}}, "watch changes no order"),
    ],
)
def test_a_config_in_which_nothing_would_differ_runs_nothing(
    tmp_path: Path, asked: list[list[str]], config: dict[str, Any], words: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RefuseToStart, match=words):
        backtest_beside(BesideOptions(tmp_path, (file,)))
    assert not asked


def test_without_config_and_result_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="needs a result of freqtrade backtesting, or configs"):
        backtest_beside(BesideOptions(tmp_path))
