"""Which couples a config may name, and what it is told when it cannot."""

from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.settings import PairsSettings, Settings

A, B, C = (f"{coin}/USDT:USDT" for coin in "ABC")


def pairs(**section: Any) -> PairsSettings:
    return Settings.from_config({"freqpilot": {"signals": {"pairs": section}}}).signals.pairs


def test_couples_are_named_or_looked_for() -> None:
    assert pairs().couples == ()
    named = pairs(couples=[[A, B]])
    assert named.couples == ((A, B),)
    assert PairsSettings.model_validate(named.model_dump()) == named


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"couple": [[A, B]]}, "signals.pairs.couple is not known; did you mean 'couples'"),
        ({"window": 3}, "did you mean 'window_days'"),
        ({"couples": [[A, B], [C, A]]}, f"{A} may be a leg of one couple only"),
        ({"couples": [[A, A]]}, f"{A} may be a leg of one couple only"),
        ({"couples": [[A]]}, r"signals.pairs.couples.0.1: Field required"),
        ({"couples": "all"}, r"signals.pairs.couples: Input should be a valid tuple"),
        ({"level": 2}, "pairs.level: Input should be less"),
        ({"holds": float("nan")}, "pairs.holds"),
    ],
)
def test_what_cannot_be_meant_is_named(section: dict[str, Any], words: str) -> None:
    with pytest.raises(RefuseToStart, match=words):
        pairs(**section)
