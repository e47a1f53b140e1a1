"""The section of ``benchmarks.speed.freqai`` on the results page."""

from collections.abc import Mapping
from typing import Any

BEGIN, END = "<!-- freqai: written by the benchmark -->", "<!-- end of freqai -->"
TITLES = {
    "stock": "stock FreqAI, `LightGBMRegressor`",
    "pair": "`FreqpilotRegressor`, one model a pair",
    "pooled": "`FreqpilotPooled`, one model for all",
}
COLUMNS = ("s", "s of CPU", "above the imports, MiB", "rank IC on real candles")


def section(found: Mapping[str, Any]) -> str:
    """Return the section in Markdown, with its markers."""
    figures, planted = found["figures"], found["planted"]
    lines = [
        BEGIN,
        "## Models against stock FreqAI",
        "",
        f"`python -m benchmarks freqai`, from {found['start']}, {len(found['pairs'])} pairs "
        f"({', '.join(pair.split('/')[0] for pair in found['pairs'])}), {found['windows']} weekly "
        f"windows, {figures['features']} features of Freqtrade's example on 1h and 4h candles, its "
        f"target, at most {figures['trees']} trees, plain `freqtrade backtesting` as a whole, "
        f"Freqtrade {found['versions']['freqtrade']}, Freqpilot {found['versions']['freqpilot']}, "
        f"seed {found['seed']}, data `{found['data_digest']}`. Parity (pairs, windows, rows, "
        f"features): {'holds' if found['parity'] else 'FAILED'}. The imports are stock's "
        f"({figures['imports, MiB']} MiB). OpenMP threads: {figures['OpenMP threads']}.",
        "",
        "| | wall s | CPU s | MiB above the imports | rank IC within these weeks |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {title} | {' | '.join(str(figures[f'{name}, {column}']) for column in COLUMNS)} |"
            for name, title in TITLES.items()
        ),
        "",
        "| target | measured | wanted | |",
        "|---|---:|---:|---|",
        *(
            f"| {name} | {row['value']:g} | {row['target']:g} | "
            f"{'reached' if row['ok'] else 'missed'} |"
            for name, row in found["targets"].items()
        ),
        "",
        "The planted signal lies in SYNTHETIC candles, for a few real weeks tell too little: "
        f"{planted['pairs']} pairs, {planted['windows']} windows of {planted['days']} days; the "
        f"lower end of the 95 % interval counts, and {found['margin']:g} may be lost.",
        END,
    ]
    return "\n".join(lines) + "\n"
