"""The frame of a report page: style, sections and tables. Everything is inside the one file."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from plotly.offline import get_plotlyjs

CONFIG = {"displaylogo": False, "responsive": True, "displayModeBar": False, "scrollZoom": False}
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7f9; color: #26323d; line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; margin: 0 0 2px; }
h2 { font-size: 1.1rem; margin: 0 0 8px; }
h3 { font-size: 1rem; margin: 18px 0 6px; }
p { margin: 4px 0 12px; }
.quiet { color: #66727e; font-size: .9rem; }
section { background: #fff; border: 1px solid #e4e8ec; border-radius: 10px;
  padding: 18px 18px 10px; margin-top: 16px; }
.banner { background: #fff3d6; border: 2px solid #d99a1c; border-radius: 10px; color: #6b4700;
  padding: 12px 18px; margin-bottom: 16px; }
.banner b { font-size: 1.5rem; letter-spacing: .12em; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0;
  font-size: .92rem; }
dt { color: #66727e; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; margin-bottom: 8px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid #edf0f3;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th { color: #66727e; font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr:last-child td { border-bottom: 0; }
.good { color: #1d7a55; } .fair { color: #8a6410; } .poor { color: #a8402b; }
@media (max-width: 600px) {
  main { padding: 12px 8px 40px; } section { padding: 14px 10px 6px; }
  dl { grid-template-columns: 1fr; } dt { margin-top: 6px; }
  table { font-size: .84rem; } th, td { padding: 5px 6px; } h1 { font-size: 1.4rem; }
}
"""
# A browser then refuses whatever a page might try to fetch.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:"
)


def page(title: str, body: Iterable[str]) -> str:
    """Return the whole document; ``title`` is plain text, ``body`` parts are HTML."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f"<script>{get_plotlyjs()}</script>",
            "</head><body><main>",
            *body,
            "</main></body></html>",
        ]
    )


def section(title: str, *parts: str) -> str:
    """Return a titled card of HTML parts."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def note(text: str) -> str:
    """Return a quiet line of plain text."""
    return f'<p class="quiet">{escape(text)}</p>'


def banner(word: str, text: str) -> str:
    """Return a line that cannot be overlooked."""
    return f'<div class="banner" role="alert"><b>{escape(word)}</b>{escape(text)}</div>'


def facts(items: Sequence[tuple[str, str]]) -> str:
    """Return names and values, as plain text."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in items)
    return f"<dl>{rows}</dl>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str] = ()) -> str:
    """Return a table of plain text; ``classes`` colour the third cell of each row."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = []
    for place, row in enumerate(rows):
        cells = [f"<td>{escape(cell)}</td>" for cell in row]
        if classes:
            cells[2] = f'<td class="{classes[place]}">{escape(row[2])}</td>'
        body.append(f"<tr>{''.join(cells)}</tr>")
    head_row = f"<thead><tr>{top}</tr></thead>"
    return f'<div class="wide"><table>{head_row}<tbody>{"".join(body)}</tbody></table></div>'


def chart(figure: Any, name: str) -> str:
    """Return a plotly figure as HTML that relies on the page's own copy of plotly.js."""
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}"
    )
    return html
