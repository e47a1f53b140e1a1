"""The section of the results page about what forecasts are worth."""

import itertools
import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

EDGE = "edge"
TITLES = {
    EDGE: "What the models' forecasts are worth",
    "monthly": "What the models' forecasts are worth with a refit a month",
    "sequences": "What the sequence models' forecasts are worth",
}


def marks(name: str) -> tuple[str, str]:
    """Return the markers around the section ``name``."""
    return f"<!-- {name}: written by the benchmark -->", f"<!-- end of {name} -->"


def named(text: str) -> list[str]:
    """Return the names that commas part; in a name a blank follows them."""
    return [*filter(None, re.split(r",(?! )", text))]


def command(arguments: list[str]) -> str:
    """Return the command of a run, without folders and files, which are each machine's own."""
    places = ("--datadir", "--page", "--ledger", "--threads", "--section")
    kept = [
        word
        for before, word in itertools.pairwise(["", *arguments])
        if word not in (*places, "--json") and before not in places
    ]
    return " ".join(["python -m benchmarks edge", *map(shlex.quote, kept)])


def section(document: Mapping[str, Any], name: str = EDGE) -> str:
    """Return the section ``name`` of :data:`TITLES` in Markdown, with its markers."""
    rows = document["rows"]
    begin, end = marks(name)
    years = list(rows[0]["ic_by_year"])
    return "\n".join(
        [
            begin,
            f"## {TITLES[name]}",
            "",
            f"`{document['command']}`, {document['period'][0]} – {document['period'][1]} "
            f"(end not included), {len(document['pairs'])} pairs, 1h candles, every "
            f"{document['every']}rd hour, {document['features']} features and "
            f"{document['ranked']} of them as ranks across pairs, one fit for all pairs every "
            f"{_months(document['months'])} on the {document['days']} days before, Freqpilot "
            f"{document['version']}, seed {document['seed']}, data "
            f"`{document['data_digest']}`, {document['cpu_seconds']:.0f} CPU seconds. IC is "
            "Spearman's correlation with the forward return in its volatility over all rows, "
            "*across* the mean of it across pairs at each step; t and intervals by a block "
            "bootstrap of 20 days; *deflated* is the figure before it less what the best of "
            f"{len(document['trials'])} trials without skill shows, with its 95 % interval. "
            "*To 2023*: the IC over all rows until the end of 2023, to be set beside the .048 at "
            "4 h of one LightGBM for all pairs with 66 features and a refit a month. "
            f"*Right if sure*: direction right at a confidence above .6. *Off*: calibration error "
            "of the chance of a rise. Picks are forecasts that promise more than two fees "
            f"of {document['fee'] * 100:g} %, in equal slots a pair, held for the horizon; neither "
            "slippage nor funding is in them. The pairs are known to have survived."
            + document["note"],
            "",
            "| model | h | IC | t | deflated | 95 % | across | t | deflated | 95 % | "
            + " | ".join(years)
            + " | to 2023 | right | right if sure | rows | off | interval holds 80 % |",
            "|---|" + "---:|" * (15 + len(years)),
            *(_ic(row, years) for row in rows),
            "",
            "| model | h | IC at "
            + " | at ".join(f"{ahead} h" for ahead in rows[0]["decay"])
            + " | Sharpe, both sides | deflated | a year | turnover | picks | Sharpe, long "
            "only | deflated | a year | turnover | picks | CPU s |",
            "|---|" + "---:|" * (12 + len(rows[0]["decay"])),
            *(_money(row) for row in rows),
            "",
            *_verdicts(document["verdicts"]),
            end,
            "",
        ]
    )


def _ic(row: Mapping[str, Any], years: list[str]) -> str:
    ic, across = row["ic"], row["ic_across"]
    cells = [
        _name(row),
        str(row["horizon"]),
        _n(ic["value"], 3),
        _n(ic["t"], 1),
        _n(ic["deflated"], 3),
        f"{_n(ic['deflated_low'], 3)} … {_n(ic['deflated_high'], 3)}",
        _n(across["value"], 3),
        _n(across["t"], 1),
        _n(across["deflated"], 3),
        f"{_n(across['deflated_low'], 3)} … {_n(across['deflated_high'], 3)}",
        *(_n(row["ic_by_year"][year]["value"], 3) for year in years),
        _n(row["ic_known_years"]["value"], 3),
        "" if row["hit"] is None else f"{_n(row['hit'] * 100, 1)} %",
        "" if row["sure_hit"] is None else f"{_n(row['sure_hit'] * 100, 1)} %",
        str(row["sure"]),
        _n(row["calibration_error"], 3),
        "" if row["classes"] else f"{_n(row['coverage'] * 100, 1)} %",
    ]
    return "| " + " | ".join(cells) + " |"


def _money(row: Mapping[str, Any]) -> str:
    cells = [_name(row), str(row["horizon"])]
    cells += [_n(value, 3) for value in row["decay"].values()]
    for kind in ("both", "long"):
        book = row[kind]
        cells += [
            _n(book["sharpe"], 2),
            _n(book["deflated_sharpe"], 2),
            f"{_n(book['return_a_year'] * 100, 1)} %",
            f"{_n(book['turnover'], 0)}×",
            str(book["picks"]),
        ]
    return "| " + " | ".join([*cells, _n(row["seconds"], 0)]) + " |"


def _verdicts(found: list[Mapping[str, Any]]) -> list[str]:
    return [
        f"- {row['model']} at {row['horizon']} h: IC above every baseline's: "
        f"{_yes(row['beats_baselines'])}; deflated IC's interval above zero: "
        f"{_yes(row['deflated_above_zero'])}, and of that across pairs: "
        f"{_yes(row['across_above_zero'])}; positive Sharpe of its picks after fees: "
        f"{_yes(row['positive_net_sharpe'])}{_lead(row)}."
        for row in found
    ]


def _lead(row: Mapping[str, Any]) -> str:
    above = row.get("above")
    if not above:
        return ""
    ends = f"{above['low']:.3f} … {above['high']:.3f}"
    return f"; IC less that of the best baseline ({above['of']}) {above['value']:.3f}, {ends}"


def _name(row: Mapping[str, Any]) -> str:
    return str(row["model"]) + (" (baseline)" if row["baseline"] else "")


def _months(count: int) -> str:
    return "month" if count == 1 else f"{count} months"


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def _n(value: float | None, digits: int) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"
