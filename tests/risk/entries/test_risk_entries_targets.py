"""The methods of sizing: by hand, and what must hold for any figures."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.entries.limits import judge
from freqpilot.risk.entries.sizing import Proposal, propose
from freqpilot.risk.entries.targets import no_edge_in, target
from freqpilot.settings import RiskSettings, SizingMethod, SizingSettings
from freqpilot.shapes import NO_EDGE, Book, Edge, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
BOOK = Book(NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
PROPOSAL = Proposal(NOW, "BTC/USDT", "long", 100.0, 12.5, 1.0, 1.0, 0.0, 900.0)
GOOD = Edge(100, 0.5, 0.02, 0.01)  # b = 2, b p − q = .5, f* = .25


def by(method: SizingMethod) -> RiskSettings:
    return RiskSettings(sizing=SizingSettings(method=method))


@pytest.mark.parametrize(
    ("method", "edge", "strength", "stake", "rules"),
    [
        ("volatility", GOOD, 1.0, 80, []),
        ("fixed", GOOD, 1.0, 50, []),
        ("blueprint", GOOD, 1.0, 20, []),
        ("blueprint", GOOD, 0.6, 12, []),
        ("blueprint", GOOD._replace(trades=20), 1.0, 20, []),
        ("blueprint", GOOD._replace(trades=19), 1.0, 80, []),
        ("blueprint", Edge(100, 1.0, 0.02, 0.0), 1.0, 80, []),
        ("kelly", GOOD, 1.0, 62.5, []),
        ("kelly", Edge(100, 0.6, 0.02, 0.01), 1.0, 80, ["volatility"]),
        ("kelly", Edge(100, 0.34, 0.02, 0.01), 1.0, 2.5, []),
    ],
)
def test_stake(
    method: SizingMethod, edge: Edge, strength: float, stake: float, rules: list[str]
) -> None:
    verdict = propose(replace(PROPOSAL, strength=strength), replace(BOOK, edge=edge), by(method))
    assert verdict.stake == pytest.approx(stake)
    assert [cut.rule for cut in verdict.cuts] == rules


@pytest.mark.parametrize("method", ["blueprint", "kelly"])
@pytest.mark.parametrize("edge", [Edge(100, 0.3, 0.02, 0.01), Edge(20, 0.0, 0.0, 0.01)])
def test_without_an_edge_there_is_no_stake(method: SizingMethod, edge: Edge) -> None:
    verdict = propose(PROPOSAL, replace(BOOK, edge=edge), by(method))
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert "no edge" in str(verdict.veto)
    assert verdict.cuts[0].rule == "edge"


@pytest.mark.parametrize("method", ["blueprint", "kelly"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, None])
@pytest.mark.parametrize("name", Edge._fields)
def test_an_unsound_record_means_no_entry(method: SizingMethod, name: str, value: float) -> None:
    edge = GOOD._replace(**{name: value})
    verdict = propose(PROPOSAL, replace(BOOK, edge=edge), by(method))
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert name in str(verdict.veto)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -0.5, 1.1, None])
def test_an_unsound_strength_means_no_entry(value: float) -> None:
    assert propose(replace(PROPOSAL, strength=value), BOOK, by("blueprint")).stake == 0


def test_edge_of_a_record() -> None:
    found = Record()
    for place, share in enumerate((0.02, -0.01, 0.04, 0.0, -0.03)):
        found = found.add(Outcome(place, NOW, share * 1000, share))
    assert found.edge() == pytest.approx((5, 0.4, 0.03, 0.02, 0))
    assert Record().edge() == (0, 0.0, 0.0, 0.0, 0)


edges = st.builds(
    Edge,
    st.integers(0, 100),
    st.floats(0, 1),
    st.floats(0, 0.1),
    st.one_of(st.just(0.0), st.floats(1e-6, 0.1)),
)
methods = st.sampled_from(["volatility", "blueprint", "kelly", "fixed"])
pairs = st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT", "PEPE/USDT", "NEW/USDT", "ARB/USDT"])
fractions = st.floats(0, 0.24)


@settings(max_examples=200, deadline=None)
@given(
    method=methods,
    edge=edges,
    pair=pairs,
    atr=st.floats(0.01, 50),
    held=st.lists(st.tuples(pairs, st.floats(0, 300)), max_size=3),
    drawdowns=st.tuples(fractions, fractions),
    confidences=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
)
def test_any_method_keeps_the_caps_and_its_direction(
    method: SizingMethod,
    edge: Edge,
    pair: str,
    atr: float,
    held: list[tuple[str, float]],
    drawdowns: tuple[float, float],
    confidences: tuple[float, float],
) -> None:
    chosen = by(method)
    positions = tuple(Position(name, "long", stake, stake) for name, stake in held)
    book = replace(BOOK, edge=edge, positions=positions)
    proposal = replace(PROPOSAL, pair=pair, atr=atr)
    deep, shallow = (
        propose(proposal, replace(book, peak=1000 / (1 - each)), chosen).stake
        for each in sorted(drawdowns, reverse=True)
    )
    assert 0 <= deep <= shallow
    unsure, sure = (
        propose(replace(proposal, confidence=each), book, chosen) for each in sorted(confidences)
    )
    assert 0 <= unsure.stake <= sure.stake
    assert all(sure.stake <= cut.stake for cut in sure.cuts)
    if sure.allowed:
        order = OrderRequest(NOW, pair, "long", "entry", sure.stake, 100.0)
        assert judge(order, book, chosen).allowed


def lost(count: int, record: Record | None = None) -> Record:
    record = record or Record()
    for _ in range(count):
        record = record.add(Outcome(record.total, NOW, -10.0, -0.01))
    return record


def test_a_person_gives_a_record_without_edge_another_trial() -> None:
    sizing = SizingSettings(method="kelly")
    record = lost(20)
    assert "freqpilot release" in str(no_edge_in(record.edge(), sizing))
    assert no_edge_in(record.edge(), SizingSettings()) is None, "volatility asks for no edge"
    assert no_edge_in(lost(19).edge(), sizing) is None
    again = Record.from_list(record.retry().to_list())
    assert again.edge() == Edge(0, 0.0, 0.0, 0.0, 1)
    assert no_edge_in(lost(19, again).edge(), sizing) is None
    assert no_edge_in(lost(20, again).edge(), sizing), "it has failed once more"
    settings = RiskSettings(sizing=sizing)
    normal, trial = (
        target(0.1, 1.0, 1.0, replace(BOOK, edge=edge), settings)
        for edge in (NO_EDGE, again.edge())
    )
    assert trial.stake == pytest.approx(0.25 * normal.stake)
    assert [cut.rule for cut in trial.cuts] == ["trial"]


def test_a_record_of_an_earlier_version_is_read() -> None:
    saved = lost(3).to_list()
    assert Record.from_list(saved[:3]) == lost(3)
    with pytest.raises(ValueError, match="outcomes"):
        Record.from_list([*saved[:3], 4])
