"""Rug-pull checks: what must be known of a token before it is bought (pure).

Every check fails closed: a figure that is missing, stale or not finite counts as unsafe.
"""

from collections.abc import Mapping
from math import isnan
from typing import NamedTuple


class Check(NamedTuple):
    """A figure must be at least ``least`` and at most ``most``; ``fault`` says what it means."""

    least: float
    most: float
    fault: str


def checks(max_top10_share: float, max_developer_moves: float) -> dict[str, Check]:
    """Return the checks by name.

    ``contract_verified``, ``liquidity_locked`` and ``honeypot`` are 1 for yes and 0 for no,
    ``top10_share`` is a share of the supply, ``developer_moves`` counts transfers out of the
    developers' wallets in the period that the source reports.
    """
    return {
        "contract_verified": Check(1, 1, "its contract is not verified"),
        "liquidity_locked": Check(1, 1, "its liquidity is not locked"),
        "top10_share": Check(0, max_top10_share, "ten wallets hold too much of it"),
        "developer_moves": Check(0, max_developer_moves, "its developers move their tokens"),
        "honeypot": Check(0, 0, "it cannot be sold (honeypot)"),
    }


def unsafe(figures: Mapping[str, float], wanted: Mapping[str, Check]) -> str | None:
    """Return the first reason why a token is unsafe, None when all checks pass."""
    for name, check in wanted.items():
        figure = figures.get(name, float("nan"))
        if isnan(figure):
            return f"{name} is not known"
        if not check.least <= figure <= check.most:
            return f"{check.fault} ({name} is {figure:g})"
    return None
