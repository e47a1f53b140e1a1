"""What a backtest of lookahead-analysis is begun with, and that its answer is handed on."""

from typing import Any

import pytest
from freqtrade.optimize.analysis.lookahead_helpers import LookaheadAnalysisSubFunctions

from freqpilot.host.loop import lookahead

ENSEMBLE = {
    "max_drawdown": 0.2,
    "budgets": "edge",
    "sleeves": [{"name": "a", "max_drawdown": 0.1}],
}
FREE = {
    "max_drawdown": 1.0,
    "budgets": "fixed",
    "sleeves": [{"name": "a", "max_drawdown": None}],
}


def test_the_accounts_past_is_left_out_and_the_answer_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    def original(config: dict[str, Any], strategy: str, *, more: int = 0) -> str:
        seen.append((config, strategy, more))
        return "what it found"

    monkeypatch.setattr(LookaheadAnalysisSubFunctions, lookahead.LOOKAHEAD, staticmethod(original))
    lookahead.SEAMS[0].apply()
    initialize = getattr(LookaheadAnalysisSubFunctions, lookahead.LOOKAHEAD)
    section = {"ensemble": ENSEMBLE, "supervisor": True, "seed": 3}
    config = {"pairs": ["BTC/USDT"], "freqpilot": section, "timeframe": "1h"}
    assert initialize(config, "one", more=2) == "what it found"
    given = {"universe": ["BTC/USDT"], "supervisor": False, "analysis": True, "seed": 3}
    assert seen == [
        ({**config, "freqpilot": {**given, "ensemble": FREE}}, "one", 2),
    ]
    assert section["supervisor"] is True


@pytest.mark.parametrize(
    ("config", "pairs"),
    [
        ({"pairs": ["A/B", "C/D"], "exchange": {"pair_whitelist": ["E/F"]}}, ["A/B", "C/D"]),
        ({"exchange": {"pair_whitelist": ["E/F"]}}, ["E/F"]),
        ({"exchange": {"pair_whitelist": ["E/F", ".*/USDT"]}}, []),
        ({}, []),
    ],
)
def test_the_pairs_that_a_config_names(config: dict[str, Any], pairs: list[str]) -> None:
    assert lookahead.universe(config) == pairs
