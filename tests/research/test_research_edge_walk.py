"""The benchmark of forecasts walks forward: no candle behind a refit has a say in it."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.worth import edge, edge_lead, edge_page
from candle_files import random_walk, write_candles
from freqpilot.models.catalogue import MODELS, SEQUENCES
from freqpilot.models.sequences import models
from freqpilot.settings import SequenceSettings

DAYS = 150
COINS = ("ADA", "BTC", "ETH")
FIRST = pd.Timestamp("2024-01-01", tz="UTC")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "DAYS", 100)


def market(folder: Path, absurd_after: int | None = None) -> Path:
    """Write candles of three coins, whose prices change a hundredfold behind a row."""
    for seed, coin in enumerate(COINS):
        frame = random_walk(seed, FIRST, DAYS * 24)
        if absurd_after is not None:
            frame.loc[absurd_after:, ["open", "high", "low", "close"]] *= 100.0 + seed
        write_candles(folder, f"{coin}/USDT", frame)
    return folder


def walked(
    folder: Path, variant: edge.Variant | None = None
) -> tuple[edge.Walk, list[int], edge.Panel]:
    stop = FIRST + pd.Timedelta(days=DAYS)
    panel = edge.read(folder, edge.DECAY, edge.EVERY, str(FIRST.date()), str(stop.date()))
    days = (110, 130, DAYS)
    edges = [int((FIRST + pd.Timedelta(days=day)).value // edge.HOUR) for day in days]
    variant = variant or edge.Variant("linear", MODELS["linear"])
    return edge.walk(panel, variant, 4, edges, 1), edges, panel


@pytest.mark.usefixtures("short")
def test_a_refit_and_its_forecasts_know_nothing_later(tmp_path: Path) -> None:
    plain, edges, _ = walked(market(tmp_path / "plain"))
    turned, _, _ = walked(market(tmp_path / "turned", absurd_after=130 * 24))
    known = edge.hours(edges) < edges[1]
    assert np.isfinite(plain.parts["mean"][known]).all()
    for field in plain.parts:
        np.testing.assert_array_equal(plain.parts[field][known], turned.parts[field][known])
    later = plain.parts["mean"][~known], turned.parts["mean"][~known]
    assert not np.array_equal(*later), "what came after the second refit does change what is later"
    assert plain.fits == 2


@pytest.mark.usefixtures("short")
def test_every_figure_is_there_and_the_page_shows_it(tmp_path: Path) -> None:
    found, edges, panel = walked(market(tmp_path / "plain"))
    row = {"horizon": 4, "model": "linear", "baseline": True, "classes": False}
    row |= edge.measure(panel, found, 4, edges, 9, 1)
    assert -1 <= row["ic"]["value"] <= 1
    assert row["ic"]["deflated"] < row["ic"]["value"]
    assert 0 <= row["hit"] <= 1
    trees = row | {"model": "trees_regressor", "baseline": False}
    (verdict,) = edge_lead.verdicts([row, trees])
    assert not verdict["beats_baselines"], "one that is as good as a baseline does not beat it"
    document = {
        "period": ["a", "b"], "pairs": list(COINS), "every": 3, "features": 108, "ranked": 17,
        "months": 3, "days": 100, "version": "0", "seed": 1, "data_digest": "d", "fee": 0.001,
        "cpu_seconds": 1.0, "trials": ["x"], "rows": [row, trees], "verdicts": [verdict],
        "command": edge_page.command(
            ["--datadir", "/mine", "--json", "--fast", "--models", "linear"]
        ),
        "note": "",
    }  # fmt: skip
    page = edge_page.section(document)
    assert page.startswith(edge_page.marks(edge_page.EDGE)[0])
    assert "`python -m benchmarks edge --fast --models linear`" in page
    assert "every 3 months on" in page
    assert "every month on" in edge_page.section(document | {"months": 1}, "monthly")
    other = edge_page.section(document, "sequences")
    assert other.startswith(edge_page.marks("sequences")[0])
    assert "IC above every baseline's: **no**" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| linear")}
    heads = {line.count("|") for line in page.splitlines() if line.startswith("|---")}
    assert widths == heads
    first = next(line for line in page.splitlines() if line.startswith("| trees_regressor"))
    cells, titles = first.split("|"), page.split("| model | h |")[1].splitlines()[0].split("|")
    assert titles[-7].strip() == "to 2023"
    assert cells[-7].strip() == "", "no candle of the walk is older than that year's end"
    assert f"{row['ic_across']['deflated_low']:.3f}" in cells[10]


@pytest.mark.usefixtures("short")
def test_the_years_of_the_known_figure_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, edges, panel = walked(market(tmp_path / "plain"))
    half = FIRST + pd.Timedelta(days=130)
    monkeypatch.setattr(edge, "KNOWN", str(half.date()))
    told = edge.measure(panel, found, 4, edges, 9, 1)["ic_known_years"]
    alone = walked(tmp_path / "plain")[0]
    for values in alone.parts.values():
        values[edge.hours(edges) >= edges[1]] = np.nan
    assert told["value"] == edge.measure(panel, alone, 4, edges, 9, 1)["ic"]["value"]


@pytest.mark.usefixtures("short")
def test_a_sequence_model_has_its_context_from_before_the_refit(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
    tiny = models.GRU(SequenceSettings(length=4, hidden=4, epochs=1))
    found, edges, panel = walked(market(tmp_path / "plain"), edge.Variant("gru", tiny, ranked=()))
    mean = found.parts["mean"]
    assert mean.shape == (len(edge.hours(edges)), len(panel.pairs))
    assert np.isfinite(mean).all()


def test_models_are_chosen_by_name() -> None:
    usual = [variant.name for variant in edge.chosen(4, [])]
    assert not {*usual} & {*SEQUENCES}, "those take long, and are tried where they are named"
    assert [variant.name for variant in edge.chosen(4, ["gru", "linear"])] == ["gru", "linear"]
    with pytest.raises(SystemExit, match="no model oracle; there are autoregression, bilstm"):
        edge.chosen(4, ["oracle"])


def test_a_name_with_a_comma_is_chosen_and_shown_as_it_is_to_be_typed() -> None:
    assert edge_page.named("") == []
    names = edge_page.named(f"stacked,{edge.WHOLE},reversal")
    assert names == ["stacked", edge.WHOLE, "reversal"]
    assert [variant.name for variant in edge.chosen(4, names)] == names
    shown = edge_page.command(["--months", "1", "--models", ",".join(names)])
    assert shown.endswith(f"--months 1 --models 'stacked,{edge.WHOLE},reversal'")


def test_the_ledger_keeps_every_trial_once(tmp_path: Path) -> None:
    file = tmp_path / "trials.json"
    assert edge.ledger(file, ["a", "b"]) == ["a", "b"]
    assert edge.ledger(file, ["b", "c"]) == ["a", "b", "c"]
    assert edge.ledger(file, []) == ["a", "b", "c"]


def test_a_lead_is_over_the_best_baseline_on_rows_that_both_forecast() -> None:
    rng = np.random.default_rng(4)
    outcome = rng.standard_normal((900, 3))
    good = outcome + rng.standard_normal(outcome.shape)
    fair, bad = outcome + 3 * rng.standard_normal(outcome.shape), -outcome
    fair[:300] = np.nan
    names = (("good", False, 0.7), ("fair", True, 0.3), ("bad", True, -1.0))
    rows = [
        {"model": name, "horizon": 4, "baseline": baseline, "ic": {"value": value}}
        for name, baseline, value in names
    ]
    found = {"model": "good", "horizon": 4}
    above = edge_lead.lead(found, rows, [good, fair, bad], outcome, 20.0, 1)["above"]
    assert above["of"] == "fair"
    assert 0.2 < above["low"] < above["value"] < above["high"] < 0.6
    later = [part[300:] for part in (good, fair, bad)]
    assert above == edge_lead.lead(found, rows, later, outcome[300:], 20.0, 1)["above"]
    same = edge_lead.lead(found, rows, [fair, fair, bad], outcome, 20.0, 1)["above"]
    assert same["low"] == same["value"] == same["high"] == 0.0
    assert edge_lead.lead(found, rows[:1], [good], outcome, 20.0, 1) == {}


def test_horizons_are_those_whose_outcomes_are_read() -> None:
    assert edge.hours_ahead("12,4") == (4, 12)
    with pytest.raises(argparse.ArgumentTypeError, match="give some of 4, 12, 24"):
        edge.hours_ahead("4,6")
    assert edge.WHOLE in {variant.name for variant in edge.variants(12)}
