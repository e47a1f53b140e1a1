"""Where budgets of trades and tags contradict a strategy or the other limits, with the line that
would fit."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from freqpilot.errors import RefuseToStart
from freqpilot.host.account.martingale import exported, words
from freqpilot.host.seams.freqtrade import Strategy
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.risk.account.martingale import WINDOW, findings
from freqpilot.risk.entries.budgets import matches
from freqpilot.settings import RiskSettings, TagBudget, Tier


class StakePlan(NamedTuple):
    """What a configuration asks for: an account of ``equity`` in its ``tier``, and ``stake`` for an
    entry, both in stake currency."""

    equity: float
    tier: Tier
    stake: float


def budget_lines(
    config: Mapping[str, Any], strategy: Strategy | None, asked: StakePlan, risk: RiskSettings
) -> Iterator[str]:
    """Yield what contradicts the budgets, one sentence each."""
    yield from _of_trade(config, strategy, asked, risk)
    for name, group in risk.tags.items():
        yield from _of_group(name, group, asked, risk)
    if strategy is not None and (run := _last_backtest(config, strategy)) is not None:
        yield from _unseen(run, risk.tags)
        yield from _grows_with_loss(run)


def _of_trade(
    config: Mapping[str, Any], strategy: Strategy | None, asked: StakePlan, risk: RiskSettings
) -> Iterator[str]:
    budget, tier = risk.trade, asked.tier
    if budget.max_stake is not None and budget.max_stake > tier.max_position:
        yield (
            f"risk.trade.max_stake of {budget.max_stake:.0%} is never reached: a position may be "
            f"{tier.max_position:.0%} in tier {tier.name}"
        )
    stop = min(1.0, abs(float(getattr(strategy, "stoploss", config.get("stoploss")) or 1.0)))
    if budget.max_loss is not None:
        most = math.floor(budget.max_loss * asked.equity / stop * 100) / 100
        if asked.stake > most:
            yield (
                f"a stake of {asked.stake:,.2f} with a stop {stop:.0%} away can lose "
                f"{asked.stake * stop / asked.equity:.1%} of the account, limit "
                f'{budget.max_loss:.1%}. "stake_amount": {most:.2f} would fit'
            )
    if strategy is None or budget.max_additions is None:
        return
    if not getattr(strategy, "position_adjustment_enable", False):
        return
    most_additions = int(getattr(strategy, "max_entry_position_adjustment", -1))
    if most_additions < 0 or most_additions > budget.max_additions:
        given = "any number of" if most_additions < 0 else f"up to {most_additions}"
        yield (
            f"{strategy.get_strategy_name()} makes {given} additions to a trade, of which "
            f'{budget.max_additions} are allowed. "max_entry_position_adjustment": '
            f"{budget.max_additions} would fit"
        )


def _of_group(name: str, group: TagBudget, asked: StakePlan, risk: RiskSettings) -> Iterator[str]:
    if group.max_stake is not None and group.max_stake > risk.max_exposure:
        yield (
            f"risk.tags.{name}.max_stake of {group.max_stake:.0%} is never reached: all trades "
            f"together may be {risk.max_exposure:.0%}"
        )
    if group.max_trades is not None and group.max_trades > asked.tier.max_open_trades:
        yield (
            f"risk.tags.{name}.max_trades of {group.max_trades} is never reached: "
            f"{asked.tier.max_open_trades} open trades are allowed in tier {asked.tier.name}"
        )


def _last_backtest(config: Mapping[str, Any], strategy: Strategy) -> BacktestRun | None:
    """Return the last backtest of a strategy, None where there is none to read."""
    try:
        results = Path(config["user_data_dir"]) / "backtest_results"
        return load_run(results, strategy.get_strategy_name())
    except (RefuseToStart, KeyError):
        return None


def _grows_with_loss(run: BacktestRun) -> Iterator[str]:
    """Yield in what the stakes of the newest trades of a backtest grow with loss."""
    for found in findings(exported(run.trades.tail(WINDOW).to_dict("records"))):
        yield f"in {run.file.name} {words(found)}"


def _unseen(run: BacktestRun, groups: Mapping[str, TagBudget]) -> Iterator[str]:
    """Yield the groups that hold no tag of a strategy's backtest: a misspelt pattern bounds
    nothing."""
    seen = {str(tag or "") for tag in run.trades["enter_tag"]}
    for name, group in groups.items():
        if seen and not any(matches(tag, group) for tag in seen):
            tags = ", ".join(sorted(seen)[:5]) or "none"
            yield (
                f"risk.tags.{name} holds none of the {len(seen)} entry tags in {run.file.name} "
                f"({tags}{', …' if len(seen) > 5 else ''}), so it bounds nothing"
            )
