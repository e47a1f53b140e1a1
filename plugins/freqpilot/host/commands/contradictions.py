"""Where a configuration and its strategy ask for more than the limits allow, with the line that
would fit. Nothing of it keeps a bot from trading: the limits cut or refuse, and say so."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.account.stakerate import configured
from freqpilot.host.commands.budgetlines import StakePlan, budget_lines
from freqpilot.host.gate.oversize import ladder_share
from freqpilot.host.seams.freqtrade import Strategy
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.risk.account.tiers import tier_of
from freqpilot.settings import RiskSettings, Settings, Tier

DEEPEST = 0.05
"""Of the trades with additions so many may be deeper ladders than the share that is printed."""
LEAST_LADDERS = 20
"""Trades with additions that a backtest has to have before a share is read from it."""
FAR = 0.5
"""A stop from this share of the price on is none that bounds a loss."""


def contradictions(config: Mapping[str, Any], strategy: Strategy | None = None) -> list[str]:
    """Return what the limits will change, one sentence each; nothing where all of it fits.

    :param config: as Freqtrade has read it.
    :param strategy: as Freqtrade has loaded it; None where it is not known.
    """
    settings = Settings.from_config(dict(config))
    equity = _equity(config)
    if not settings.supervisor or equity is None:
        return []
    rate = configured(str(config.get("stake_currency")), settings.risk)
    tier = tier_of(math.nan if rate is None else equity * rate, settings.risk)
    found = [
        *_stakes(config, strategy, equity, tier, settings.risk),
        *_trades(config, tier),
        *_leverage(config, strategy, tier, settings.risk),
        *_stop(config, strategy, settings.risk),
        *_ladder(config, strategy, settings.risk),
        *budget_lines(
            config, strategy, StakePlan(equity, tier, _stake(config, equity)), settings.risk
        ),
    ]
    if found and settings.risk.watches:
        return ["the profile is watch, which changes no order; full would:", *found]
    return found


def _equity(config: Mapping[str, Any]) -> float | None:
    """Return the account that the configuration speaks of; None live without a capital named."""
    if config.get("available_capital"):
        return float(config["available_capital"])
    wallet = config.get("dry_run_wallet") if config.get("dry_run") else None
    if isinstance(wallet, Mapping):
        wallet = wallet.get(config.get("stake_currency"))
    return float(wallet) if wallet else None


def _open_trades(config: Mapping[str, Any]) -> float:
    given = float(config.get("max_open_trades", math.inf))
    return math.inf if given < 0 else given


def _stake(config: Mapping[str, Any], equity: float) -> float:
    """Return the stake of an entry that the configuration asks for."""
    asked, count = config.get("stake_amount"), _open_trades(config)
    if asked != "unlimited":
        return float(asked or 0.0)
    slots = count if math.isfinite(count) else len(config["exchange"].get("pair_whitelist", ()))
    return equity * float(config.get("tradable_balance_ratio", 0.99)) / max(1.0, slots)


def _stakes(
    config: Mapping[str, Any],
    strategy: Strategy | None,
    equity: float,
    tier: Tier,
    risk: RiskSettings,
) -> Iterator[str]:
    if strategy is not None and getattr(strategy, "sized_by_supervisor", False):
        yield f"stake_amount is not used: the supervisor sizes {strategy.get_strategy_name()}"
        return
    stake, count = _stake(config, equity), _open_trades(config)
    share = 1.0 if strategy is None else ladder_share(strategy, risk)
    most = math.floor(tier.max_position * equity * share * 100) / 100
    verb = "cut to" if risk.oversized == "cut" else "refused, as it is above"
    if stake > most:
        part = "" if share == 1.0 else f", of which a first order has {share:.0%}"
        yield (
            f"a stake of {stake:,.2f} is {verb} {most:,.2f}: a position may be "
            f'{tier.max_position:.0%} of {equity:,.0f} in tier {tier.name}{part}. "stake_amount": '
            f"{most:.2f} would fit"
        )
    together = min(stake, most) * min(count, tier.max_open_trades)
    room = risk.max_exposure * equity
    if together > room * (1 + 1e-9):
        fits = int(room // min(stake, most))
        yield (
            f"all trades together would be {together / equity:.0%} of the account, limit "
            f'{risk.max_exposure:.0%}: the last ones are cut. "max_open_trades": {fits} would fit'
        )


def _trades(config: Mapping[str, Any], tier: Tier) -> Iterator[str]:
    count = _open_trades(config)
    if count > tier.max_open_trades:
        given = f"{count:.0f}" if math.isfinite(count) else "any number of"
        yield (
            f"of {given} open trades {tier.max_open_trades} are allowed in tier {tier.name}, the "
            f'others are refused. "max_open_trades": {tier.max_open_trades} would fit'
        )


def _own_leverage(tier: Tier, risk: RiskSettings) -> Iterator[str]:
    if risk.leverage > tier.max_leverage:
        yield (
            f"risk.leverage of {risk.leverage:g} is cut to {tier.max_leverage:g}, the most in tier "
            f"{tier.name}"
        )


def _leverage(
    config: Mapping[str, Any], strategy: Strategy | None, tier: Tier, risk: RiskSettings
) -> Iterator[str]:
    from freqtrade.strategy import IStrategy

    if config.get("trading_mode") != "futures" or strategy is None:
        return
    if getattr(strategy, "sized_by_supervisor", False):
        yield from _own_leverage(tier, risk)
        return
    if getattr(type(strategy), "leverage", None) is not IStrategy.leverage:
        yield (
            f"the strategy sets a leverage: entries above {tier.max_leverage:g} are refused in "
            f"tier {tier.name}"
        )


def _stop(
    config: Mapping[str, Any], strategy: Strategy | None, risk: RiskSettings
) -> Iterator[str]:
    stop = abs(float(getattr(strategy, "stoploss", config.get("stoploss", 0.0)) or 0.0))
    if stop < FAR:
        return
    yield (
        f"the stop is {stop:.0%} away, so a trade may lose nearly all of its stake before "
        f"Freqtrade closes it; what bounds that loss is {_bound(risk)}"
    )


def _bound(risk: RiskSettings) -> str:
    ours = risk.catastrophe_stop
    if not ours.enabled or risk.watches:
        return "the size of the position and the halt"
    return (
        f"the catastrophe stop that Freqpilot gives each position, {ours.atr_multiple:g} daily "
        f"ranges away ({ours.at_least:.0%} to {ours.at_most:.0%})"
    )


def _ladder(
    config: Mapping[str, Any], strategy: Strategy | None, risk: RiskSettings
) -> Iterator[str]:
    if strategy is None or risk.ladder_share is not None or ladder_share(strategy, risk) == 1.0:
        return
    share, name = ladder_share(strategy, risk), strategy.get_strategy_name()
    counted = f"{name} adds to its positions, so a first order gets {share:.0%} of the room"
    results = Path(config["user_data_dir"]) / "backtest_results"
    try:
        yield f"{counted}; {ladder_line(results, name)}"
    except RefuseToStart as error:
        yield f"{counted}; a backtest without freqpilot.json would tell the share: {error}"


def ladder_line(results: Path, strategy: str) -> str:
    """Return what the last backtest of a strategy says of its ladders, with the line to add.

    :raises RefuseToStart: when there is none, or one that says nothing.
    """
    run = load_run(results, strategy)
    if _is_supervised(run):
        raise RefuseToStart(f"{run.file.name} was run with Freqpilot, whose limits cut the ladders")
    shares = sorted(first_shares(run))
    if len(shares) < LEAST_LADDERS:
        raise RefuseToStart(
            f"{run.file.name} has {len(shares)} trades of {strategy} with additions, "
            f"{LEAST_LADDERS} are needed"
        )
    share = max(0.01, math.floor(shares[int(DEEPEST * len(shares))] * 100) / 100)
    return (
        f"in {run.file.name} the first order of {len(shares)} trades with additions had "
        f"{shares[0]:.0%} to {shares[-1]:.0%} of all that went in; add "
        f'{{"freqpilot": {{"risk": {{"ladder_share": {share:g}}}}}}} to the config'
    )


def _is_supervised(run: BacktestRun) -> bool:
    section = run.config.get("freqpilot", {})
    noted = section.get("run", {}) if isinstance(section, Mapping) else {}
    return bool(noted.get("supervisor", False))


def first_shares(run: BacktestRun) -> Iterator[float]:
    """Yield which share of all that went into a trade its first order had, for each with
    additions."""
    for orders in run.trades["orders"]:
        entries = [
            float(order["amount"]) * float(order["safe_price"])
            for order in orders or ()
            if order.get("ft_is_entry")
        ]
        if len(entries) > 1:
            yield entries[0] / sum(entries)
