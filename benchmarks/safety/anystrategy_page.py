"""The section of the results page that ``anystrategy`` writes."""

from collections.abc import Mapping
from typing import Any

BEGIN = "<!-- anystrategy: written by the benchmark -->"
END = "<!-- end of anystrategy -->"
MOST = 3
"""Rules that are named of each strategy."""


def section(document: Mapping[str, Any]) -> str:
    """Return the section in Markdown, with its markers.

    :param document: the benchmark's JSON object.
    """
    figures = document["figures"]
    return "\n".join(
        [
            BEGIN,
            "## Strategies of others under the supervisor",
            "",
            f"`python -m benchmarks anystrategy`, {document['timeframe']} candles of "
            f"{len(document['pairs'])} pairs, {document['period'][0]} – {document['period'][1]}, "
            f"Freqpilot {document['version']}. The strategies are written for it, each with a "
            "trait of those that people run ([their files](../benchmarks/strategies/zoo)); their "
            "profit says nothing. Perpetuals are played on spot candles. *Kept* is the share of "
            "the entries and additions made alone that guard keeps with halts, breakers and loss "
            "limits out of the way: a missing one is lost where anything was refused. *Same "
            "candle* is the share that it makes at the same candle: money that a cut has left "
            "goes into additions, which move exits and the entries after them.",
            "",
            *_profiles(figures["strategies"]),
            "",
            "What guard did, by rule; an order that is asked for again at the next candle counts "
            "again:",
            "",
            *_rules(figures["strategies"]),
            "",
            "Half of the price lost within an hour, put into the candles: of one pair, of all, and "
            "of one whose candles then end. The worst day is the largest fall from the day's first "
            "equity:",
            "",
            *_crashes(figures["crashes"]),
            "",
            f"A backtest of one day takes {figures['start']['added, s']:.2f} CPU seconds and "
            f"{figures['start']['added, MiB']:.0f} MiB more than plain Freqtrade's "
            f"{figures['start']['plain, s']:.1f} s and {figures['start']['plain, MiB']:.0f} MiB. "
            + _missed(document["targets"]),
            END,
            "",
        ]
    )


def _profiles(strategies: Mapping[str, Any]) -> list[str]:
    lines = [
        "| strategy | traits | entries alone | changed under watch | kept | same candle | guard | "
        "full | return alone, guard, full | drawdown alone, guard, full | CPU of watch to alone |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|---|---:|",
    ]
    for name, each in strategies.items():
        by = each["profiles"]
        three = ("alone", "guard", "full")
        lines.append(
            f"| `{name}` | {each['traits']} | {by['alone']['entries']} | "
            f"{each['changed under watch']} | {_percent(each['kept under guard'])} | "
            f"{_percent(each['at the same candle'])} | "
            f"{by['guard']['entries']} | {by['full']['entries']} | "
            f"{', '.join(_percent(by[key]['return']) for key in three)} | "
            f"{', '.join(_percent(by[key]['drawdown']) for key in three)} | "
            f"{each['cpu of watch to alone']:.2f} |"
        )
    return lines


def _rules(strategies: Mapping[str, Any]) -> list[str]:
    lines = ["| strategy | cut | refused | halts |", "|---|---|---|---:|"]
    for name, each in strategies.items():
        guard = each["profiles"]["guard"]
        cut, refused = _named(guard["cut"]), _named(guard["refused"])
        lines.append(f"| `{name}` | {cut} | {refused} | {guard['halts']} |")
    return lines


def _crashes(crashes: Mapping[str, Any]) -> list[str]:
    lines = [
        "| strategy | crash of | worst day alone, guard, full | drawdown alone, guard, full |",
        "|---|---|---|---|",
    ]
    for name, kinds in crashes.items():
        for crash, by in kinds.items():
            days, falls = (
                ", ".join(_percent(by[profile][what]) for profile in ("alone", "guard", "full"))
                for what in ("worst day", "drawdown")
            )
            lines.append(f"| `{name}` | {crash} | {days} | {falls} |")
    return lines


def _named(rules: Mapping[str, int]) -> str:
    shown = [f"`{rule}` {orders}" for rule, orders in [*rules.items()][:MOST]]
    return ", ".join(shown) or "–"


def _missed(targets: Mapping[str, Mapping[str, Any]]) -> str:
    missed = [f"{name} ({row['value']})" for name, row in targets.items() if not row["ok"]]
    if not missed:
        return "Every target was reached."
    return f"{len(missed)} of {len(targets)} targets were missed: {'; '.join(missed)}."


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"
