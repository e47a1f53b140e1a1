"""Assets that move together count as one: how many may be open, and how much may be in them.

An unknown correlation (NaN) counts as one above the limit, and never as a hedge.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

Correlation = Callable[[str, str], float]
"""The correlation of two pairs, NaN when it is not known."""


def linked(correlation: float, limit: float) -> bool:
    """Tell whether two pairs belong to a cluster, moving together or against each other."""
    return not abs(correlation) <= limit


def crowd(
    pair: str,
    direction: int,
    held: Mapping[str, float],
    between: Correlation,
    limit: float,
    most: int,
) -> tuple[str, ...]:
    """Return ``most`` held pairs that move together with ``pair`` and with each other, or ().

    A short of what moves against a long moves together with it: signs of the money count.

    :param direction: 1 to buy ``pair``, −1 to sell it short.
    :param held: signed money in each open pair, negative for shorts.
    """

    def together(first: str, second: str, signs: int) -> bool:
        return not signs * between(first, second) <= limit

    def sign(other: str) -> int:
        return 1 if held[other] > 0 else -1

    near = [
        other
        for other in held
        if other != pair and held[other] and together(pair, other, direction * sign(other))
    ]

    def search(found: tuple[str, ...], rest: Sequence[str]) -> tuple[str, ...]:
        if len(found) == most:
            return found
        for place, each in enumerate(rest):
            if len(found) + len(rest) - place < most:
                break
            also = [o for o in rest[place + 1 :] if together(each, o, sign(each) * sign(o))]
            if whole := search((*found, each), also):
                return whole
        return ()

    return search((), near)


def room(
    pair: str,
    direction: int,
    held: Mapping[str, float],
    between: Correlation,
    limit: float,
    cap: float,
) -> tuple[float, tuple[str, ...]]:
    """Return how much money may still go into ``pair`` before a cluster around it, or around a
    pair in its cluster, holds more than ``cap``; and the pairs of the one that has the least room.

    The cluster around a pair is what is linked with it; longs count against shorts. In the unit of
    ``held``; negative when there is too much already.
    """
    held = {pair: 0.0, **{other: money for other, money in held.items() if money}}
    best = float("inf")
    members: tuple[str, ...] = (pair,)
    for centre in held:
        if centre != pair and not linked(between(centre, pair), limit):
            continue
        towards = direction * _sign(centre, pair, between)
        around = _around(centre, held, between, limit)
        # A pair that may move either way with the centre counts as what fills it more.
        ways = (towards,) if _known(centre, pair, between) else (1, -1)
        inside = max(
            sum(_counted(centre, each, held[each], way, between) for each in around) for way in ways
        )
        if not cap - inside >= best:  # so that NaN leaves no room
            best, members = (
                cap - inside,
                tuple(each for each in around if held[each] or each == pair),
            )
    return best, members


def clusters(
    held: Mapping[str, float], between: Correlation, limit: float
) -> list[tuple[tuple[str, ...], float]]:
    """Return the groups of held pairs that are linked, directly or by others, and the money in
    each: the largest sum around one of its pairs, longs against shorts. The fullest comes first."""
    left = [pair for pair, money in held.items() if money]
    found: list[tuple[tuple[str, ...], float]] = []
    while left:
        group = [left.pop(0)]
        for each in group:
            near = [other for other in left if linked(between(each, other), limit)]
            group += near
            left = [other for other in left if other not in near]
        part = {pair: held[pair] for pair in group}
        money = max(_net(centre, part, between, limit) for centre in group)
        found.append((tuple(group), money))
    return sorted(found, key=lambda item: -item[1])


def _net(centre: str, held: Mapping[str, float], between: Correlation, limit: float) -> float:
    around = _around(centre, held, between, limit)
    return max(
        sum(_counted(centre, each, held[each], towards, between) for each in around)
        for towards in (1, -1)
    )


def _around(centre: str, held: Iterable[str], between: Correlation, limit: float) -> list[str]:
    return [each for each in held if each == centre or linked(between(centre, each), limit)]


def _counted(centre: str, pair: str, money: float, towards: int, between: Correlation) -> float:
    known = _known(centre, pair, between)
    return towards * money * _sign(centre, pair, between) if known else abs(money)


def _known(centre: str, pair: str, between: Correlation) -> bool:
    return pair == centre or not math.isnan(between(centre, pair))


def _sign(centre: str, pair: str, between: Correlation) -> int:
    return -1 if pair != centre and between(centre, pair) < 0 else 1
