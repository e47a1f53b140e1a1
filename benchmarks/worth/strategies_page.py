"""The strategies' section of the results page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

BEGIN, END = "<!-- strategies: written by the benchmark -->", "<!-- end of strategies -->"
HEAD = (
    "| | supervisor | Sharpe | return a year | max drawdown | turnover | trades | won | halts |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|",
)


def section(document: Mapping[str, Any]) -> str:
    """Return the section in Markdown, with its markers."""
    pairs = ", ".join(pair.split("/")[0] for pair in document["pairs"])
    mark = "**SYNTHETIC candles: nothing here says how a real market went.**\n\n"
    versions = document["versions"]
    return "\n".join(
        [
            BEGIN,
            "## The rule-based strategies",
            "",
            (mark if document["synthetic"] else "")
            + f"`python -m benchmarks strategies`, {len(document['pairs'])} pairs ({pairs}), spot, "
            f"1h candles, fee {document['fee'] * 100:g} % of each fill, as many open trades as "
            f"pairs, default parameters, Freqtrade {versions['freqtrade']}, Freqpilot "
            f"{versions['freqpilot']}, data `{document['data_digest']}`. Ratios are of daily "
            "returns × √365, turnover is traded value over mean equity a year. The pairs are known "
            "to have survived, which favours whatever holds them. Supervised, the default limits "
            "hold (at most 6 trades of 8 % at this account's size), so returns are not comparable.",
            *(
                line
                for place, (begin, end) in enumerate(document["periods"])
                for line in _period(document, place, f"{begin} – {end}")
            ),
            "",
            "### The trend baseline, two ways",
            "",
            *_lines(document),
            "",
            *_checks(document["checks"]),
            "",
            "### What a backtest costs",
            "",
            f"CPU seconds of `freqtrade backtesting`, {len(document['pairs'])} pairs × "
            f"{document['overhead_days']} days of 1h candles, start and loading included, "
            "supervisor on.",
            "",
            *_overhead(document["overhead"]),
            END,
            "",
        ]
    )


def _period(document: Mapping[str, Any], place: int, title: str) -> list[str]:
    rows = [
        _row(name, key, runs[place])
        for name, kinds in document["figures"].items()
        for key, runs in (("off", kinds["alone"]), ("on", kinds.get("supervised")))
        if runs is not None
    ]
    held = _row("Buy and hold, equal weights", "", document["held"][place])
    base = []
    if document["published"]:
        row = _published(document, place)
        base = [_row("Trend baseline, long only, as published", "", row)]
    return ["", f"### {title}", "", *HEAD, *rows, held, *base]


def _published(document: Mapping[str, Any], place: int) -> dict[str, float]:
    sharpe, yearly, fall, turned = document["published"]["long only"][place]
    named = {"sharpe": sharpe, "return_a_year": yearly, "max_drawdown": -fall}
    return named | {"turnover": turned}


def _row(name: str, supervisor: str, row: Mapping[str, Any]) -> str:
    cells = [
        _number(row["sharpe"]),
        _percent(row["return_a_year"]),
        _percent(row["max_drawdown"]),
        f"{_number(row['turnover'])}×",
        *(f"{row[key]}" if row.get(key) is not None else "" for key in ("trades",)),
        _percent(row["win_rate"]) if "win_rate" in row else "",
        f"{row['halts']}" if supervisor == "on" else "",
    ]
    return f"| {name} | {supervisor} | {' | '.join(cells)} |"


def _lines(document: Mapping[str, Any]) -> list[str]:
    rows = [
        "In the library: 4h candles made of 1h files, fee on, each listed pair an equal slot. "
        "*Money* compounds returns, as an account does. *Log* adds up weighted log returns, less "
        "than money by about half a pair's variance wherever a book is long.",
        "",
        "| line | period from | Sharpe, money | Sharpe, log | Sharpe, published | return a year | "
        "published | max drawdown | published | turnover | published |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in document["library"].items():
        for place, row in enumerate(found):
            published = document["published"].get(name)
            sharpe, yearly, fall, turned = published[place] if published else (math.nan,) * 4
            cells = [
                document["periods"][place][0],
                _number(row["sharpe"]),
                _number(row["log_sharpe"]),
                _number(sharpe),
                _percent(row["return_a_year"]),
                _percent(yearly),
                _percent(row["max_drawdown"]),
                _percent(-fall),
                f"{_number(row['turnover'])}×",
                "" if turned is None or not published else f"{_number(turned)}×",
            ]
            rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def _checks(checks: Mapping[str, bool]) -> list[str]:
    words = {True: "holds", False: "**does not hold**"}
    return [
        "Within .15 of the Sharpe ratio in both periods: "
        + "; ".join(f"{name.replace('_', ' ')} {words[held]}" for name, held in checks.items())
        + "."
    ]


def _overhead(seconds: Mapping[str, float]) -> Sequence[str]:
    empty = seconds["Empty"]
    return [
        "| strategy | CPU s | over an empty one |",
        "|---|---:|---:|",
        *(f"| {name} | {used:.1f} | {used / empty:.1f}× |" for name, used in seconds.items()),
    ]


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if math.isfinite(value) else "–"


def _number(value: float | None) -> str:
    return f"{value:.2f}" if value is not None and math.isfinite(value) else "–"
