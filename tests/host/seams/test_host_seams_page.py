"""Every seam is in the docs, and there are no more of them than were agreed on."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.safety import compat, seams
from freqpilot.host.seams.seam import Place, Seam


def test_the_page_is_up_to_date() -> None:
    found = seams.measure(seams.seams_by_group(), seams.PAGE)
    assert found.parity, "run python -m benchmarks seams --write"


def test_the_number_of_seams_is_within_its_limit() -> None:
    assert not seams.measure(seams.seams_by_group(), seams.PAGE).missed


def test_a_seam_has_a_line_with_what_it_replaces_and_what_it_uses(tmp_path: Path) -> None:
    places = (
        Place("freqtrade.worker:Worker._sleep", make=lambda original: original),
        Place("freqtrade.misc:chunks"),
    )
    table = {"live": [Seam("sleep", "sleep well", "Freqtrade sleeps", places)]}
    line = "| `sleep` | live | sleep well | `Worker._sleep` | `misc.chunks` | Freqtrade sleeps |"
    assert line in seams.section(table).splitlines()
    page = tmp_path / "seams.md"
    page.write_text(seams.section(table) + "after\n")
    assert seams.measure(table, page).parity
    page.write_text("")
    assert not seams.measure(table, page).parity


def test_compat_shows_each_seam_on_each_freqtrade() -> None:
    figures = {
        "2026.8": {"ok": True, "seams": {"gate.live": True}},
        "2026.9": {"ok": False, "seams": {"gate.live": False, "reload": True}},
    }
    console = Console(width=compat.WIDTH, record=True, file=io.StringIO())
    console.print(compat.table(figures))
    rows = [line.split("│") for line in console.export_text().splitlines() if "│" in line]
    cells = {row[1].strip(): [cell.strip() for cell in row[2:-1]] for row in rows}
    assert cells == {
        "gate.live": ["fits", "does not fit"],
        "reload": ["–", "fits"],
        "all, and a backtest": ["fits", "does not fit"],
    }


@pytest.mark.parametrize(
    ("answer", "code", "version"),
    [("freqtrade (2026.10)\nAvailable", 0, "2026.10"), ("", 1, None), ("nothing", 0, None)],
)
def test_the_newest_release_is_asked_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, answer: str, code: int, version: str | None
) -> None:
    done = compat.subprocess.CompletedProcess([], code, answer, "")
    monkeypatch.setattr(compat, "run", lambda _: done)
    assert compat.newest() == version
