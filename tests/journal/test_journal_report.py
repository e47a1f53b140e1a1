"""The page: what it shows, that it says SYNTHETIC, and that it needs no network."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from freqpilot.journal import charts, report
from freqpilot.journal.backtest import NO_SIGNALS, load_run
from freqpilot.journal.candles import prices
from freqpilot.journal.contributions import PREFIX, contributions
from freqpilot.journal.report import NO_TRADES, config_digest, summary_table, write_report


class Page(HTMLParser):
    """Collects what a browser would load, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self._inside = tag
        self.loads += [known[name] for name in ("src", "srcset", "data", "action") if name in known]
        if tag in ("link", "base", "iframe", "object", "embed"):
            self.loads.append(f"<{tag}>")
        if (known.get("id") or "").startswith("chart-"):
            self.ids.append(known["id"])

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text += data + " "


@pytest.fixture
def render(datadir, tmp_path):
    def write(run):
        html = write_report(run, datadir, tmp_path / "out" / "report.html").read_text("utf-8")
        return html, Page(html)

    return write


def printed(table) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(table)
    return console.file.getvalue()


def test_page_loads_nothing_and_forbids_loading(export, render):
    html, page = render(load_run(export.write()))
    assert page.loads == []
    assert "default-src 'none'" in html
    assert "@import" not in html.split("<script>")[0]
    assert not re.search(r"url\(\s*['\"]?http", html.split("<script>")[0])
    assert html.count("<script>/**\n* plotly.js") == 1


def test_page_has_every_chart(export, render):
    _, page = render(load_run(export.write()))
    names = ("equity", "trades", "contributions", "winners", "months", "costs")
    assert page.ids == [f"chart-{name}" for name in names]


def test_page_shows_what_was_measured(export, render):
    _, page = render(load_run(export.write()))
    shown = ("66.7 %", "58–65 %", "0.82 USDT", "20.6 %", "824.00 USDT", "2.6 %", "6.9 %")
    for figure in ("A/USDT, B/USDT", "0.1 % of each fill", "Seed 11", *shown):
        assert figure in re.sub(r"\s+", " ", page.text)
    assert "never promised" in page.text


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_runs_are_marked(export, render, synthetic):
    export.synthetic = synthetic
    run = load_run(export.write())
    html, page = render(run)
    assert ("SYNTHETIC" in page.text) == synthetic
    assert ("<title>SYNTHETIC" in html) == synthetic
    assert ('class="banner"' in html) == synthetic
    assert ("SYNTHETIC" in printed(summary_table(run))) == synthetic


def test_marked_folder_makes_the_page_synthetic(export, render, datadir):
    export.synthetic = False
    (datadir / "SYNTHETIC.md").write_text("# SYNTHETIC")
    assert "SYNTHETIC" in render(load_run(export.write()))[1].text


def test_no_trades_is_said(export, render):
    export.trades = ()
    run = load_run(export.write())
    _, page = render(run)
    assert page.text.count(NO_TRADES) >= 3
    assert page.ids == ["chart-equity", "chart-months"]
    assert NO_TRADES in printed(summary_table(run))


def test_missing_signals_and_candles_are_said(export, render, datadir):
    export.signals = None
    (datadir / "B_USDT-1h.feather").unlink()
    _, page = render(load_run(export.write()))
    assert NO_SIGNALS in page.text
    assert "chart-contributions" not in page.ids
    assert "No candles were found for B/USDT" in page.text
    assert "Without candles, so not in it: B/USDT" in page.text


def test_names_from_the_run_are_escaped(export, render):
    export.strategy = "<img src=x onerror=alert(1)>"
    export.signals = None
    html, page = render(load_run(export.write()))
    assert page.loads == []
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_same_run_same_page(export, render):
    run = load_run(export.write())
    assert render(run)[0] == render(run)[0]


def test_config_digest_ignores_where_the_files_lie(export, tmp_path):
    first = load_run(export.write())
    export.folder = tmp_path / "elsewhere"
    export.folder.mkdir()
    assert config_digest(load_run(export.write())) == config_digest(first)
    export.synthetic = False
    assert config_digest(load_run(export.write())) != config_digest(first)


def test_summary_has_the_scorecard(export):
    text = printed(summary_table(load_run(export.write())))
    for part in ("Win rate", "66.7 %", "58–65 %", "target met", "Market change", "-3.0 %", "0.82"):
        assert part in text


def test_menu_shows_one_pair_at_a_time(export, datadir):
    run = load_run(export.write())
    figure = charts.trades_chart(
        run.trades, prices(datadir, run.pairs, run.timeframe, run.timerange)
    )
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["A/USDT", "B/USDT"]
    masks = np.array([button.args[0]["visible"] for button in buttons])
    assert (masks.sum(axis=0) == 1).all()
    assert [bool(trace.visible) for trace in figure.data] == masks[0].tolist()


def test_stacked_contributions_sum_to_the_composite(export):
    joined = contributions(load_run(export.write()))
    figure = charts.contributions_chart(joined)
    assert figure.layout.barmode == "relative"
    assert sum(np.asarray(bar.y) for bar in figure.data) == pytest.approx(joined["composite"])
    assert len(figure.data) == sum(name.startswith(PREFIX) for name in joined.columns)


@pytest.mark.parametrize(("months", "kind"), [(18, "bar"), (19, "heatmap")])
def test_many_months_become_a_table_of_colours(months, kind):
    index = pd.date_range("2023-05-01", periods=months, freq="MS", tz="UTC")
    figure = charts.monthly_chart(pd.Series(np.linspace(-0.1, 0.1, months), index=index))
    assert figure.data[0].type == kind
    if kind == "heatmap":
        table = np.asarray(figure.data[0].z, dtype=float)
        assert np.isfinite(table).sum() == months
        assert table[0][4] == pytest.approx(-10)


def test_thinning_keeps_the_extremes_and_the_ends():
    rng = np.random.default_rng(3)
    index = pd.date_range("2026-01-01", periods=50_000, freq="min", tz="UTC")
    series = pd.Series(rng.normal(size=50_000).cumsum(), index=index)
    thin = charts.thinned(series)
    assert len(thin) <= charts.MAX_POINTS
    assert (thin.min(), thin.max()) == (series.min(), series.max())
    assert thin.index[0] == index[0]
    assert thin.index[-1] == index[-1]
    assert thin.index.is_monotonic_increasing


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"releases": 2}, "2 halts released by the simulated operator; "),
        (
            {"releases": 5, "released": {"drawdown_halt": 2, "streak": 1, "streak_review": 2}},
            "3 halts released by the simulated operator (drawdown halt 2, streak 1), "
            "2 losing streaks reviewed by it; ",
        ),
    ],
)
def test_what_the_simulated_operator_did_is_told_by_cause(run, words):
    assert report._supervision({"run": {"vetoes": {}, **run}}).startswith(words)


def test_who_only_watched_refused_nothing() -> None:
    told = {"releases": 0, "vetoes": {"halted": 3}, "cuts": {"max_position": 2}}
    text = report._supervision({"run": {**told, "profile": "watch"}})
    assert text.startswith("watch: nothing was changed; it would have done this: ")
    assert "stakes cut: max_position 2; orders refused at the gate: halted 3" in text
    assert "watch" not in report._supervision({"run": {**told, "profile": "full"}})
