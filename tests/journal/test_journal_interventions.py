"""The report's table of what the supervisor changed."""

from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.journal.interventions import interventions_of, interventions_section

ROW = {
    "kind": "cut",
    "rule": "max_position",
    "tag": "dip <b>",
    "orders": 1_200,
    "pairs": 7,
    "asked": 1_666.67,
    "allowed": 800.0,
}


def run(section: Any) -> Any:
    return SimpleNamespace(config={"freqpilot": section}, stake_currency="USDT")


def test_each_row_is_shown_with_its_figures() -> None:
    html = interventions_section(run({"run": {"interventions": [ROW]}}))
    for text in ("Cut and refused", "max_position", "dip &lt;b&gt;", "1,200", "1,666.67", "800.00"):
        assert text in html
    assert "stakes in USDT" in html


@pytest.mark.parametrize(
    "section", [{}, None, {"run": None}, {"run": {}}, {"run": {"interventions": []}}]
)
def test_without_a_record_there_is_no_section(section: Any) -> None:
    assert list(interventions_of(run(section))) == []
    assert interventions_section(run(section)) == ""
