"""The section of the results page on the edge monitor."""

import math
from typing import Any

BEGIN, END = "<!-- edge monitor: written by the benchmark -->", "<!-- end of edge monitor -->"
WATCHED = {
    "pair": "each pair",
    "group": "the group",
    "trades": "the group's trades",
    "bot": "the least of them",
}


def section(document: dict[str, Any]) -> str:
    """Return the section, with its markers."""
    settings = document["settings"]
    rows = [_row(case["case"], kind, case[kind]) for case in document["cases"] for kind in WATCHED]
    return "\n".join(
        [
            BEGIN,
            "## How soon an edge that is gone is noticed",
            "",
            f"Models fitted once on {len(document['pairs'])} pairs up to {document['frozen']}, "
            f"whose forecasts of every hour until {document['stop']} the monitor follows with its "
            f"defaults: evidence of {settings['evidence']:g} to 1 against a rank IC of "
            f"{settings['min_ic']:g} at {document['horizon']} h, in blocks of "
            f"{settings['block'] * document['horizon']} h. *Shifted* are the last model's "
            f"forecasts turned round in time ({document['draws']} times for each pair): they know "
            "nothing. *Planted* ones are mixed with the outcome itself: SYNTHETIC forecasts on "
            "real candles. *Each pair* is watched alone, *the group* are all together, its "
            "*trades* the fifth of the forecasts that is the strongest; the bot takes the least of "
            "the three (`groups` is `all`, the default). Days are to the first silence, of the "
            "quickest tenth, the median and "
            "the slowest tenth; – is never within the time. *Heard again*: of those silenced. "
            "The evidence of 200 was chosen among 30, 50, 100 and 200 on these same controls.",
            "",
            "| forecasts | watched | IC | silenced | days to silence | heard again | mean factor |",
            "|---|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"Written by `python -m benchmarks edge_monitor`, {document['cpu_seconds']:.0f} s CPU, "
            f"data {document['data_digest']}, seed {document['seed']}.",
            END,
            "",
        ]
    )


def _row(case: str, kind: str, found: dict[str, Any]) -> str:
    days = " / ".join("–" if not math.isfinite(day) else f"{day:.0f}" for day in found["days"])
    silenced = f"{found['silenced']:.1%}"
    if found["before_the_end"] is not None:
        silenced += f" ({found['before_the_end']:.1%} before its end)"
    again = "–" if found["revived"] is None else f"{found['revived']:.1%}"
    return (
        f"| {case} | {WATCHED[kind]} | {found['ic']:+.3f} | {silenced} | {days} | {again} | "
        f"{found['factor']:.2f} |"
    )
