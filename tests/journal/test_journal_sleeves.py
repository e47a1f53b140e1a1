"""The sleeves of a run in its report."""

from dataclasses import replace

from rich.console import Console

from freqpilot.journal.backtest import load_run
from freqpilot.journal.report import summary_table, write_report
from freqpilot.journal.sleeves import sleeve_rows, sleeves_section

MONEY = {"pnl": 12.5, "fees": 1.25, "funding": -0.5, "exposure": 0.0}
SHOWN = {
    "strategy": "Trend<b>",
    "budget": 0.5,
    "worst_drawdown": 0.123,
    "switched_off": 2,
    "waited": 7,
}


def told(run, **sleeves):
    section = {**run.config["freqpilot"], "run": {"vetoes": {}, "releases": 0, "sleeves": sleeves}}
    return replace(run, config={**run.config, "freqpilot": section})


def test_each_sleeve_has_a_row(export, datadir, tmp_path):
    run = told(load_run(export.write()), trend=MONEY | SHOWN, rest=MONEY)
    trend, rest = sleeve_rows(run)
    assert trend[:4] == ("trend", "Trend<b>", "50.0%", "+12.50")
    assert trend[-3:] == ("12.3%", "2 times", "7 candles")
    assert rest[0] == "(rest)"
    assert "Trend&lt;b&gt;" in sleeves_section(run)
    html = write_report(run, datadir, tmp_path / "report.html").read_text()
    assert "<h2>Sleeves</h2>" in html
    console = Console(width=120, record=True)
    console.print(summary_table(run))
    assert "Sleeve trend" in console.export_text()


def test_a_run_without_sleeves_says_nothing_of_them(export):
    run = load_run(export.write())
    assert sleeve_rows(run) == []
    assert sleeves_section(run) == ""
    odd = replace(run, config={"freqpilot": {"run": {"sleeves": None}}})
    assert sleeve_rows(odd) == []
