"""What the open positions would lose if it happened: scenarios as data, losses as arithmetic.

Each scenario is linear in the stakes, so the largest stake that fits follows without search. With
isolated margin, which is assumed, a position loses no more than its own money.

Where the default sizes of the two that are not crashes come from:

* exchange hack, 36 % of what is in positions there: Bitfinex, August 2016, took 36.067 % from each
  account (its announcement of 6 August 2016). WazirX lost 45 % of its reserves in July 2024. At
  Mt. Gox (2014) and FTX (2022) customers could take out nothing: ``exchange_hack`` 1 is that case.
* rate shock: the falls within the 72 hours after 10 June 2022, 12:00 UTC (US inflation of 8.6 %),
  on Binance's hourly candles: BTC 22 %, ETH 33 %, fourteen other large coins 30 % in the median
  and 40 % at the most. August 2024, after the Bank of Japan: 13 %, 18 %, 16 %, 22 %. What is
  borrowed costs 2 % in three days: of nine payments in a row on Binance's perpetuals from 2019 to
  2024 the dearest cost 1.3 % (BTC) to 2.3 % (ADA).
"""

from collections.abc import Sequence
from typing import NamedTuple

from freqpilot.settings import AssetClass, BookSettings, ClassShocks


class Line(NamedTuple):
    """A position under stress: ``sign`` 1 long, −1 short; ``share`` its own money at the price of
    now over equity; ``volatility`` the deviation of a day's return; ``stop`` how far away its stop
    is, a share of the price."""

    pair: str
    kind: AssetClass
    sign: int
    share: float
    leverage: float
    volatility: float
    stop: float


class Scenario(NamedTuple):
    """What happens, summed over its parts: prices move by ``shocks`` × ``move`` and by
    ``deviations`` of a day, all in one direction; or every position leaves ``slippage`` worse than
    the price; or stops do not fill and longs (``gap`` < 0) or shorts (> 0) are left ``gap``
    deviations beyond theirs; or the stake currency loses ``depeg`` of its worth; or the exchange
    takes a share ``taken`` of each position's own money. What is borrowed costs ``funding``."""

    name: str
    what: str
    shocks: ClassShocks | None = None
    move: float = 0.0
    deviations: float = 0.0
    slippage: ClassShocks | None = None
    gap: float = 0.0
    depeg: float = 0.0
    taken: float = 0.0
    funding: float = 0.0


def scenarios(settings: BookSettings) -> tuple[Scenario, ...]:
    """Return the scenarios; what may go either way stands there twice under one name."""
    day, flash, thin = settings.crash_day, settings.flash_crash, settings.slippage
    sigmas, hours = settings.correlation_sigmas, settings.outage_hours
    gap = settings.outage_sigmas * (hours / 24) ** 0.5
    one, out = "all pairs move as one", f"no order reaches the exchange for {hours:g} h"
    hacked, taken = "the exchange takes a share of all positions", settings.exchange_hack
    rates, falls = "money gets dearer: all fall for three days", settings.rate_shock
    funding = settings.rate_funding
    return (
        Scenario("crash_day", "a bad day of the whole market", shocks=day, move=-1.0),
        Scenario("rally_day", "the same upwards, against shorts", shocks=day, move=1.0),
        Scenario("flash_crash", "a fall within an hour, past all stops", shocks=flash, move=-1.0),
        Scenario("correlation_one", f"{one}, {sigmas:g} sigma", deviations=-sigmas),
        Scenario("correlation_one", f"{one}, {sigmas:g} sigma", deviations=sigmas),
        Scenario("exchange_outage", out, gap=-gap),
        Scenario("exchange_outage", out, gap=gap),
        Scenario("no_liquidity", "everything is sold into a thin book", slippage=thin),
        Scenario("depeg", "the stake currency loses its peg", depeg=settings.depeg),
        Scenario("exchange_hack", hacked, taken=taken),
        Scenario("rate_shock", rates, shocks=falls, move=-1.0, funding=funding),
    )


def rate(scenario: Scenario, line: Line) -> float:
    """Return what a position loses, as a share of its own money; negative for a gain."""
    moved = line.volatility * scenario.deviations
    if scenario.shocks is not None:
        moved += scenario.move * float(getattr(scenario.shocks, line.kind))
    lost = -line.sign * moved
    if scenario.slippage is not None:
        lost += float(getattr(scenario.slippage, line.kind))
    if scenario.gap * line.sign < 0:
        lost += line.stop + abs(scenario.gap) * line.volatility
    own = line.leverage * lost + (line.leverage - 1.0) * scenario.funding + scenario.taken
    # Whoever holds coins for stake currency gains when that loses its worth.
    return min(1.0, own) - line.sign * line.leverage * scenario.depeg


def loss(scenario: Scenario, lines: Sequence[Line]) -> float:
    """Return the loss of the account as a share of equity; negative for a gain."""
    return scenario.depeg + sum(line.share * rate(scenario, line) for line in lines)


def losses(lines: Sequence[Line], settings: BookSettings) -> dict[str, float]:
    """Return the loss by scenario as a share of equity, 0 where nothing would be lost."""
    found: dict[str, float] = {}
    for scenario in scenarios(settings):
        found[scenario.name] = max(loss(scenario, lines), found.get(scenario.name, 0.0))
    return found


def room(
    line: Line, lines: Sequence[Line], limit: float, settings: BookSettings
) -> tuple[float, Scenario | None]:
    """Return the largest share of equity that may go into ``line``, and the scenario that says so:
    infinite and None when none does. What does not add to a scenario's loss passes it."""
    best: tuple[float, Scenario | None] = (float("inf"), None)
    for scenario in scenarios(settings):
        each = rate(scenario, line)
        if each <= 0:
            continue
        left = (limit - loss(scenario, lines)) / each
        if not left >= best[0]:
            best = (left, scenario)
    return best
