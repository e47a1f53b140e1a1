"""Why a trade was opened, in plain words."""

import math

from freqpilot.shapes import Decision


def explain(trade: int, decision: Decision) -> list[str]:
    """Return the lines that tell what a trade was opened on."""
    rising = decision.side == "long"
    lines = [
        f"Trade {trade}: {decision.side} {decision.pair}, decided on the candle that closed "
        f"{decision.time:%Y-%m-%d %H:%M} UTC.",
        f"The analysts together said {_signed(decision.composite)} (−1 a fall, +1 a rise) and "
        f"were {_share(decision.confidence)} sure. Those that had something to say hold "
        f"{_share(decision.coverage)} of the table's weight.",
    ]
    ranked = sorted(decision.contributions.items(), key=lambda item: -abs(item[1]))
    speak = [(name, value) for name, value in ranked if value]
    for title, agrees in (("For the trade", True), ("Against it", False)):
        side = [(n, v) for n, v in speak if ((v > 0) == rising) == agrees]
        if side:
            lines.append(f"{title}: " + ", ".join(f"{_name(n)} {_signed(v)}" for n, v in side))
    neutral = [_name(name) for name, value in ranked if not value]
    if neutral:
        lines.append(f"Neutral or silent: {', '.join(neutral)}")
    told = {_name(name) for name in decision.contributions}
    # The other reasons are those contributions in words.
    lines += [
        f"{reason[0].upper()}{reason[1:]}."
        for reason in decision.reasons
        if reason and not any(reason.startswith(f"{name} ") for name in told)
    ]
    return lines


def _name(analyst: str) -> str:
    return analyst.replace("_", " ")


def _signed(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _share(value: float) -> str:
    return "an unknown share" if math.isnan(value) else f"{value:.0%}"
