"""Stakes above the limits are cut, whatever strategy asks for them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from gate_stage import CONFIG

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import oversize
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.risk.book.positions import Fit
from freqpilot.settings import RiskSettings
from freqpilot.shapes import OrderRequest


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    section = {"freqpilot": {"risk": {"book": {"enabled": False}}}}
    begun = begin({**CONFIG, **section}, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    yield begun
    end()


def order(run: Run, stake: float, **more: Any) -> OrderRequest:
    assert run.state.stamp is not None
    given: dict[str, Any] = {"pair": "BTC/USDT", "side": "long", "purpose": "entry", "rate": 1.0}
    return OrderRequest(**{**given, "time": run.state.stamp, "stake": stake, **more})


def counted(run: Run) -> dict[str, Any]:
    return {name: run.counters.snapshot(datetime.now(UTC))[name] for name in ("cuts", "vetoes")}


@pytest.mark.parametrize(
    ("stake", "share", "left", "cuts"),
    [
        (900.0, 1.0, 150.0, {"max_position": 1}),
        (150.0, 1.0, 150.0, {}),
        (900.0, 0.25, 37.5, {"max_position": 1}),
        (40.0, 0.25, 37.5, {"max_position": 1}),
        (37.0, 0.25, 37.0, {}),
    ],
)
def test_a_stake_gets_its_share_of_the_room(
    run: Run, stake: float, share: float, left: float, cuts: dict[str, int]
) -> None:
    found = oversize.fitted(run, order(run, stake), [], share=lambda: share)
    assert found.stake == pytest.approx(left)
    assert counted(run) == {"cuts": cuts, "vetoes": {}}


@pytest.mark.parametrize(
    ("least", "left", "vetoes"), [(150.0, 150.0, {}), (150.1, 0.0, {"min_stake": 1})]
)
def test_a_cut_stake_is_never_raised_to_the_exchanges_minimum(
    run: Run, least: float, left: float, vetoes: dict[str, int]
) -> None:
    found = oversize.fitted(run, order(run, 900.0), [], least=lambda: least)
    assert found.stake == pytest.approx(left)
    assert ("below the exchange's minimum of 150.10" in found.refusal) is bool(vetoes)
    assert counted(run)["vetoes"] == vetoes


def test_a_stake_within_the_limits_is_not_held_against_the_minimum(run: Run) -> None:
    assert oversize.fitted(run, order(run, 10.0), [], least=lambda: 50.0) == (10.0, "")


@pytest.mark.parametrize("risk", [{"oversized": "refuse"}, {"supervisor": False}])
def test_who_chooses_so_gets_no_stake_cut(run: Run, risk: dict[str, Any]) -> None:
    off = {"supervisor": False} if "supervisor" in risk else {}
    chosen = run.settings.risk.model_copy(update={} if off else risk)
    run.settings = run.settings.model_copy(update={"risk": chosen, **off})
    assert oversize.fitted(run, order(run, 900.0), []) == (900.0, "")


def test_what_is_not_known_is_left_for_the_gate(run: Run) -> None:
    run.others = None
    assert oversize.fitted(run, order(run, 900.0), []) == (900.0, "")
    assert counted(run) == {"cuts": {}, "vetoes": {}}


@pytest.mark.parametrize(
    ("room", "left", "cuts"),
    [
        (80.0, 80.0, {"max_var": 1}),
        (150.0, 150.0, {"max_position": 1}),
        (0.0, 150.0, {}),  # the gate refuses it by the book's rule
    ],
)
def test_the_book_cuts_what_the_limits_leave(
    run: Run, monkeypatch: pytest.MonkeyPatch, room: float, left: float, cuts: dict[str, int]
) -> None:
    asked: list[float] = []

    def fit(_self: object, request: OrderRequest, _positions: object) -> Fit:
        asked.append(request.stake)
        return Fit(room, "max_var", "the value at risk")

    monkeypatch.setattr(oversize.BookRisk, "room", fit)
    assert oversize.fitted(run, order(run, 900.0), []).stake == pytest.approx(left)
    assert asked == [pytest.approx(150.0)]
    assert counted(run)["cuts"] == cuts


@pytest.mark.parametrize(
    ("strategy", "settings", "share"),
    [
        ({}, {}, 1.0),
        ({"position_adjustment_enable": False}, {"ladder_share": 0.2}, 1.0),
        ({"position_adjustment_enable": True}, {}, 1 / 5),
        (
            {"position_adjustment_enable": True, "max_entry_position_adjustment": -1},
            {"ladder_share": 0.4},
            0.4,
        ),
        ({"position_adjustment_enable": True, "max_entry_position_adjustment": 0}, {}, 1.0),
        ({"position_adjustment_enable": True, "max_entry_position_adjustment": 3}, {}, 1 / 4),
        ({"position_adjustment_enable": True, "sized_by_supervisor": True}, {}, 1.0),
    ],
)
def test_the_first_order_of_a_ladder_has_a_share_of_it(
    strategy: dict[str, Any], settings: dict[str, Any], share: float
) -> None:
    found = oversize.ladder_share(SimpleNamespace(**strategy), RiskSettings(**settings))
    assert found == pytest.approx(share)


def watching(run: Run, **more: Any) -> None:
    risk = run.settings.risk.model_copy(update={"profile": "watch", **more})
    run.settings = run.settings.model_copy(update={"risk": risk})


def test_who_only_watches_says_what_would_have_been_cut(run: Run) -> None:
    watching(run)
    asked: list[float] = []

    def least() -> float:
        asked.append(1.0)
        return 500.0

    assert oversize.fitted(run, order(run, 900.0), [], least=least) == (900.0, "")
    assert counted(run) == {"cuts": {"max_position": 1}, "vetoes": {}}
    assert asked == []  # no order is refused for its minimum


def test_a_book_that_is_only_reported_cuts_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oversize.BookRisk, "room", lambda *_: Fit(10.0, "max_var", "it"))
    risk = run.settings.risk.model_copy(update={"report_only": ("book",)})
    run.settings = run.settings.model_copy(update={"risk": risk})
    assert oversize.fitted(run, order(run, 900.0), []).stake == pytest.approx(150.0)
