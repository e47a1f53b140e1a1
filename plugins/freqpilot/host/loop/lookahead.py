"""Lookahead-analysis judges signals without the account's past."""

from collections.abc import Callable, Mapping
from typing import Any

from freqpilot.host.seams.seam import Place, Seam

ANALYSIS = "freqtrade.optimize.analysis.lookahead_helpers:LookaheadAnalysisSubFunctions"
LOOKAHEAD = "initialize_single_lookahead_analysis"


def universe(config: Mapping[str, Any]) -> list[str]:
    """Return the pairs that a config names, none where it names them by a pattern."""
    named = config.get("pairs") or config.get("exchange", {}).get("pair_whitelist", [])
    plain = all(set(pair).isdisjoint("*+?[]()|^$\\") for pair in named)
    return list(named) if plain else []


def without_latches(ensemble: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of sleeves that no past of the account changes."""
    free = {**ensemble, "max_drawdown": 1.0, "budgets": "fixed"}
    if "sleeves" in ensemble:
        free["sleeves"] = [{**each, "max_drawdown": None} for each in ensemble["sleeves"]]
    return free


def _make_analysis(original: Callable[..., Any]) -> Callable[..., Any]:
    def initialize(config: dict[str, Any], *args: object, **kwargs: object) -> Any:
        """Each signal is looked for again in a backtest of its pair alone. What the account
        has lost on other pairs is missing there, and so are the pairs that it is ranked
        against; both would be taken for look-ahead."""
        section = {"universe": universe(config), **config.get("freqpilot", {})}
        section |= {"supervisor": False, "analysis": True}
        section["ensemble"] = without_latches(section.get("ensemble", {}))
        return original({**config, "freqpilot": section}, *args, **kwargs)

    return initialize


SEAMS = (
    Seam(
        "loop.lookahead",
        "judge signals without the account's past in lookahead-analysis",
        until="lookahead-analysis compares signals and no trades",
        places=(
            Place(
                f"{ANALYSIS}.{LOOKAHEAD}",
                ["config"],
                _make_analysis,
            ),
        ),
    ),
)
