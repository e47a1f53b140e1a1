"""Which tokens are not bought, and what is said of them."""

import math

import pytest

from freqpilot.risk.memes.safety import checks, unsafe

SAFE = {
    "contract_verified": 1.0,
    "liquidity_locked": 1.0,
    "top10_share": 0.4,
    "developer_moves": 2.0,
    "honeypot": 0.0,
}


def fault(figures: dict[str, float]) -> str | None:
    return unsafe(figures, checks(max_top10_share=0.4, max_developer_moves=2))


def test_a_token_at_every_edge_is_safe() -> None:
    assert fault(SAFE) is None
    assert fault({**SAFE, "top10_share": 0.0, "developer_moves": 0.0}) is None


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("figure", [None, math.nan])
def test_what_is_not_known_is_unsafe(name: str, figure: float | None) -> None:
    figures = {**SAFE, name: figure} if figure is not None else {**SAFE}
    if figure is None:
        del figures[name]
    assert fault(figures) == f"{name} is not known"


@pytest.mark.parametrize(
    ("name", "figure", "words"),
    [
        ("contract_verified", 0.0, "its contract is not verified"),
        ("contract_verified", 2.0, "its contract is not verified"),  # neither yes nor no
        ("contract_verified", math.inf, "its contract is not verified"),
        ("liquidity_locked", 0.0, "its liquidity is not locked"),
        ("liquidity_locked", 2.0, "its liquidity is not locked"),
        ("top10_share", 0.41, "ten wallets hold too much of it"),
        ("top10_share", -0.01, "ten wallets hold too much of it"),
        ("developer_moves", 3.0, "its developers move their tokens"),
        ("developer_moves", -0.5, "its developers move their tokens"),
        ("honeypot", 1.0, "it cannot be sold (honeypot)"),
        ("honeypot", 0.5, "it cannot be sold (honeypot)"),
        ("honeypot", -0.5, "it cannot be sold (honeypot)"),
    ],
)
def test_a_figure_that_is_out_of_bounds(name: str, figure: float, words: str) -> None:
    assert fault({**SAFE, name: figure}) == f"{words} ({name} is {figure:g})"


def test_the_first_fault_is_told() -> None:
    assert fault({**SAFE, "liquidity_locked": 0.0, "honeypot": 1.0}) == (
        "its liquidity is not locked (liquidity_locked is 0)"
    )
    assert fault({}) == "contract_verified is not known"
    assert unsafe({}, {}) is None
