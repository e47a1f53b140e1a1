"""Which groups of seams a command of Freqtrade needs.

What trades, or tests trading, gets all that guards it. A command is spared a group only when it is
named here: one that nobody knows gets all of them.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args

Group = Literal[
    "config",
    "strategies",
    "freqaimodels",
    "hyperopts",
    "protections",
    "pairlists",
    "parameters",
    "candles",
    "trading",
    "live",
    "backtest",
    "lookahead",
    "freqai",
]
"""``config`` reads the configuration; the next five find plug-ins; ``candles`` looks at the files
that are read; ``trading`` stands before a strategy's decisions, live and in a backtest."""

ALL: tuple[Group, ...] = get_args(Group)


def _also(*groups: Group) -> frozenset[Group]:
    return frozenset({"config", *groups})


TRADES = _also("strategies", "parameters", "protections", "pairlists", "candles", "trading")
LIVE = TRADES | _also("live")
BACKTEST = TRADES | _also("backtest")
FREQAI = _also("freqai", "freqaimodels")

RUNMODES: dict[str, frozenset[Group]] = {
    "live": LIVE,
    "dry_run": LIVE,
    "backtest": BACKTEST,
    "hyperopt": BACKTEST | _also("hyperopts"),
}
"""What each mode of Freqtrade needs that trades or tests; another one needs all, unless its command
is one of ``COMMANDS``. FreqAI's groups come on top where it is on."""

COMMANDS: dict[str, frozenset[Group]] = {
    "backtesting-show": _also(),
    "convert-data": _also("candles"),
    "convert-db": _also(),
    "convert-trade-data": _also(),
    "download-data": _also("candles"),
    "hyperopt-list": _also(),
    "hyperopt-show": _also("strategies", "parameters"),
    "list-data": _also("candles"),
    "list-exchanges": _also(),
    "list-freqaimodels": _also("freqaimodels"),
    "list-hyperoptloss": _also("hyperopts"),
    "list-markets": _also(),
    "list-pairs": _also(),
    "list-strategies": _also("strategies"),
    "list-timeframes": _also(),
    "show-config": _also(),
    "show-trades": _also(),
    "strategy-updater": _also(),  # it writes to what it finds
    "test-pairlist": _also("pairlists", "candles"),
    "trades-to-ohlcv": _also("candles"),
}
"""Commands that neither trade nor test, in Freqtrade's modes for utilities."""
UTILITIES = ("util_exchange", "util_no_exchange")


def groups_for(config: Mapping[str, Any], command: str | None) -> frozenset[Group]:
    """Return the groups of seams that a command needs.

    :param config: the configuration, with Freqtrade's ``runmode`` in it.
    :param command: the command's name as Freqtrade has it, None where it is not known.
    """
    mode = str(config.get("runmode"))
    if mode in UTILITIES and command in COMMANDS:
        return COMMANDS[command]
    if mode not in RUNMODES:
        return frozenset(ALL)
    freqai = config.get("freqai")
    on = bool(isinstance(freqai, Mapping) and freqai.get("enabled"))
    return RUNMODES[mode] | FREQAI if on else RUNMODES[mode]


def guard(groups: Collection[str]) -> bool:
    """Tell whether these groups guard trading, live or in a backtest."""
    return set(groups) >= LIVE or set(groups) >= BACKTEST
