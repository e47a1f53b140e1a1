"""Where budgets of trades and tags contradict a strategy or the other limits."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from result_stage import trade, write

from freqpilot.host.commands.budgetlines import StakePlan, budget_lines
from freqpilot.risk.account.tiers import tier_of
from freqpilot.settings import RiskSettings


def lines(
    risk: dict[str, Any], stake: float = 100.0, folder: Path | None = None, **strategy: Any
) -> list[str]:
    settings = RiskSettings(**risk)
    asked = StakePlan(1_000.0, tier_of(1_000.0, settings), stake)
    found: Any = SimpleNamespace(
        **{"stoploss": -0.1, **strategy}, get_strategy_name=lambda: "Plain"
    )
    return list(budget_lines({"user_data_dir": folder or "/none"}, found, asked, settings))


@pytest.mark.parametrize(
    ("trade_budget", "stake", "strategy", "words"),
    [
        ({"max_stake": 0.15}, 100.0, {}, ""),
        (
            {"max_stake": 0.16},
            100.0,
            {},
            "max_stake of 16% is never reached: a position may be",
        ),
        ({"max_loss": 0.01}, 100.0, {}, ""),
        (
            {"max_loss": 0.01},
            120.0,
            {},
            "a stake of 120.00 with a stop 10% away can lose 1.2% of the account, limit 1.0%. "
            '"stake_amount": 100.00 would fit',
        ),
        ({"max_loss": 0.05}, 51.0, {"stoploss": -1.5}, '"stake_amount": 50.00 would fit'),
        ({"max_additions": 1}, 1.0, {}, ""),
        (
            {"max_additions": 1},
            1.0,
            {"position_adjustment_enable": True},
            "Plain makes any number of additions to a trade, of which 1 are allowed. "
            '"max_entry_position_adjustment": 1 would fit',
        ),
        (
            {"max_additions": 1},
            1.0,
            {"position_adjustment_enable": True, "max_entry_position_adjustment": 2},
            "makes up to 2 additions",
        ),
        (
            {"max_additions": 2},
            1.0,
            {"position_adjustment_enable": True, "max_entry_position_adjustment": 2},
            "",
        ),
    ],
)
def test_a_trades_budget_is_held_against_what_is_asked_for(
    trade_budget: dict[str, Any], stake: float, strategy: dict[str, Any], words: str
) -> None:
    found = lines({"trade": trade_budget}, stake, **strategy)
    assert words in (found[0] if found else "")
    assert bool(found) is bool(words)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"max_stake": 0.5, "max_trades": 3}, ""),
        ({"max_stake": 0.51}, "risk.tags.dips.max_stake of 51% is never reached: all trades"),
        ({"max_trades": 4}, "risk.tags.dips.max_trades of 4 is never reached: 3 open trades"),
    ],
)
def test_a_group_that_bounds_nothing_is_named(group: dict[str, Any], words: str) -> None:
    found = lines({"tags": {"dips": {"tags": ["dip*"], **group}}})
    assert words in (found[0] if found else "")
    assert bool(found) is bool(words)


def test_a_pattern_that_no_trade_of_the_last_backtest_bears_is_named(tmp_path: Path) -> None:
    tags = {
        "dips": {"tags": ["dip*"], "max_trades": 1},
        "breaks": {"tags": ["Break"], "max_trades": 1},
    }
    assert lines({"tags": tags}, folder=tmp_path) == []  # no backtest yet
    trades = [trade((1.0, 2.0), tag=tag) for tag in ("dip 1", "dip 2", "break")]
    write(tmp_path / "backtest_results", trades, {})
    assert lines({"tags": tags}, folder=tmp_path) == [
        "risk.tags.breaks holds none of the 3 entry tags in backtest-result-1.zip (break, dip 1, "
        "dip 2), so it bounds nothing"
    ]


def test_a_martingale_in_the_last_backtest_is_named(tmp_path: Path) -> None:
    results = tmp_path / "backtest_results"
    write(results, [trade((1.0, 2.0), (2.0, 1.9), (4.0, 1.8), day=day) for day in range(8)], {})
    (text,) = lines({}, folder=tmp_path)
    assert text.startswith(
        "in backtest-result-1.zip stakes grow with loss, as in a martingale: of 16 additions to "
        "trades in loss 100% were"
    )
    won = [day % 3 != 2 for day in range(60)]
    sizes = [1.0 if day and won[day - 1] else 2.0 for day in range(60)]
    made = [trade((size, 100.0), day=day, profit=1.0 if win else -1.0)
            for day, (size, win) in enumerate(zip(sizes, won, strict=True))]  # fmt: skip
    write(results, made, {})
    (text,) = lines({}, folder=tmp_path)
    assert "the first stake of a trade is 200.00 (the middle of 19 cases)" in text
    write(results, [trade((1.0, 100.0), day=day) for day in range(60)], {})
    assert lines({}, folder=tmp_path) == []
