"""Where a limit, a cap, a rate or a record just holds: the exact figure on either side."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.responses import Response, respond, streak_phase, win_rate_factor
from freqpilot.risk.account.tiers import TierRecord, stepped, tier_in, tier_of
from freqpilot.risk.entries.diversification import shares
from freqpilot.risk.entries.limits import STAKE_TOLERANCE, judge
from freqpilot.risk.entries.sizing import Proposal, propose
from freqpilot.risk.entries.targets import target
from freqpilot.risk.soundness import fault_of
from freqpilot.settings import ClassCaps, RiskSettings, SizingSettings
from freqpilot.shapes import Book, Cut, Edge, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
FIXED = RiskSettings(sizing=SizingSettings(method="fixed", fixed_share=0.05))
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
ORDER = OrderRequest(NOW, "BTC/USDT", "long", "entry", stake=10.0, rate=100.0)
PROPOSAL = Proposal(NOW, "BTC/USDT", "long", 100.0, 12.5, 1.0, 1.0, 5.0, 900.0)
MORE = 1 + STAKE_TOLERANCE


def account(equity: float, **changed: Any) -> Book:
    figures = dict.fromkeys(("equity", "peak", "start", "day_start", "week_start"), equity)
    return replace(BOOK, **figures, **changed)


def held(*stakes: tuple[str, float]) -> tuple[Position, ...]:
    return tuple(Position(f"{coin}/USDT", "long", stake, stake) for coin, stake in stakes)


def profits(*figures: float, reviewed: int = 0) -> Record:
    found = Record(reviewed=reviewed)
    for number, profit in enumerate(figures):
        found = found.add(Outcome(number, NOW + timedelta(hours=number), profit, profit / 1000))
    return found


def test_a_refusal_leaves_no_stake_to_any_rule() -> None:
    verdict = judge(replace(ORDER, stake=151.0), BOOK, SETTINGS)
    assert verdict.cuts == (Cut("max_position", 0.0),)
    assert not verdict.allowed


@pytest.mark.parametrize(
    ("order", "book", "rule"),
    [
        ({"leverage": 2 * MORE}, account(3000), "max_leverage"),
        ({"stake": 0.15 * 1.0 * 1000 * MORE}, BOOK, "max_position"),
        (
            {"stake": 0.5 * 1000 * MORE - 450},
            replace(BOOK, positions=held(("ETH", 250), ("XRP", 200))),
            "max_exposure",
        ),
        ({"stake": 0.02 * 1000 * MORE, "pair": "DOGE/USDT"}, BOOK, "max_meme_position"),
    ],
)
def test_a_limit_holds_up_to_its_tolerance(order: dict[str, float], book: Book, rule: str) -> None:
    least = replace(ORDER, **order)
    assert judge(least, book, SETTINGS).allowed
    name = "leverage" if rule == "max_leverage" else "stake"
    beyond = replace(least, **{name: math.nextafter(getattr(least, name), math.inf) * (1 + 1e-12)})
    assert judge(beyond, book, SETTINGS).cuts == (Cut(rule, 0.0),)


def test_no_memecoin_from_the_half_on() -> None:
    book = replace(BOOK, peak=1000 / 0.85)
    caps = shares("DOGE/USDT", book, tier_in(book, SETTINGS), SETTINGS)
    assert {each.rule: each.limit for each in caps}["max_class"] == 0.0


def test_small_figures_are_sound_and_nothing_is_a_stake() -> None:
    assert fault_of(replace(ORDER, stake=0.5, rate=0.5), account(0.5)) is None
    for stake in (0.0, 0.5):
        assert fault_of(ORDER, replace(BOOK, positions=held(("ETH", stake)))) is None
    assert "ETH" in str(fault_of(ORDER, replace(BOOK, positions=held(("ETH", -0.5)))))


def test_a_pair_has_a_name() -> None:
    for pair in (5, "", None):
        assert "pair" in str(fault_of(replace(ORDER, pair=pair), BOOK))  # type: ignore[arg-type]


class TestSizing:
    def test_money_that_is_not_known_is_not_spent(self) -> None:
        verdict = propose(replace(PROPOSAL, free=math.nan), BOOK, SETTINGS)
        assert "free" in str(verdict.veto)
        assert propose(replace(PROPOSAL, free=None), BOOK, SETTINGS).allowed

    def test_a_fault_of_the_account_is_no_entry(self) -> None:
        verdict = propose(PROPOSAL, replace(BOOK, equity=math.nan), SETTINGS)
        assert (verdict.allowed, verdict.stake) == (False, 0.0)

    def test_no_edge_is_a_cut_to_nothing(self) -> None:
        kelly = RiskSettings(sizing=SizingSettings(method="kelly"))
        book = replace(BOOK, edge=Edge(50, 0.1, 0.01, 0.02))
        assert propose(PROPOSAL, book, kelly).cuts == (Cut("edge", 0.0),)

    def test_an_account_of_a_coin_may_stake_a_part_of_it(self) -> None:
        verdict = propose(replace(PROPOSAL, min_stake=0.0), account(5), FIXED)
        assert verdict.allowed
        assert verdict.stake == pytest.approx(0.25)

    def test_the_least_stake_of_the_exchange_is_enough(self) -> None:
        assert propose(replace(PROPOSAL, min_stake=50.0), BOOK, FIXED).allowed
        assert not propose(replace(PROPOSAL, min_stake=50.01), BOOK, FIXED).allowed

    def test_a_rise_counts_once_beside_a_cut(self) -> None:
        book = replace(BOOK, factors=(("win_rate", 1.2), ("streak", 0.5)))
        assert propose(PROPOSAL, book, FIXED).stake == pytest.approx(1000 * 0.05 * 1.2 * 0.5)

    def test_a_cut_of_the_cap_is_kept_by_the_stake(self) -> None:
        book = replace(BOOK, factors=(("streak", 0.5),))
        verdict = propose(replace(PROPOSAL, atr=0.1), book, SETTINGS)
        assert verdict.allowed
        assert verdict.stake == pytest.approx(1000 * 0.15 * 0.5)

    def test_a_memecoin_gets_what_its_cap_leaves(self) -> None:
        meme = replace(PROPOSAL, pair="DOGE/USDT", min_stake=1.0)
        assert propose(meme, BOOK, SETTINGS).cuts[-1] == Cut("max_meme_position", 20.0)
        verdict = propose(meme, replace(BOOK, positions=held(("DOGE", 5))), SETTINGS)
        assert verdict.allowed
        assert verdict.stake == pytest.approx(15)

    def test_of_two_exhausted_caps_the_first_is_named(self) -> None:
        book = replace(BOOK, positions=held(("BTC", 200), ("ETH", 350)))
        rules = [cut.rule for cut in propose(PROPOSAL, book, SETTINGS).cuts]
        assert rules == ["max_position", "max_position"], "the bound, then the limit that says so"


class TestTargets:
    def stake(self, settings: RiskSettings = SETTINGS, **changed: Any) -> float:
        return target(0.25, 1.0, 1.0, replace(BOOK, **changed), settings).stake

    def test_only_a_rise_changes_the_target(self) -> None:
        assert self.stake() == pytest.approx(80)
        assert self.stake(factors=(("streak", 0.5),)) == pytest.approx(80)
        assert self.stake(factors=(("win_rate", 1.2),)) == pytest.approx(96)

    @pytest.mark.parametrize(
        "edge",
        [
            Edge(50, 0.5, 0.01, 0.01),  # exactly nothing is won
            Edge(50, 1.5, 0.01, 0.01),
            Edge(50, -0.5, 0.01, 0.01),
            Edge(50, math.nan, 0.01, 0.01),
        ],
    )
    def test_without_an_edge_there_is_neither_stake_nor_doubt(self, edge: Edge) -> None:
        kelly = RiskSettings(sizing=SizingSettings(method="kelly"))
        found = target(0.25, 1.0, 1.0, replace(BOOK, edge=edge), kelly)
        assert found.stake == 0.0
        assert found.veto


class TestRecord:
    def test_a_hundred_are_kept(self) -> None:
        assert len(profits(*[1.0] * 150).outcomes) == 100

    def test_one_of_several_is_known(self) -> None:
        record = profits(1.0, 2.0)
        assert record.holds(1, NOW + timedelta(hours=1))
        assert not record.holds(1, NOW)

    def test_what_gained_nothing_neither_won_nor_lost(self) -> None:
        record = profits(0.5, 0.0, -0.5, 0.0)
        assert record.losses_of(4) == 1
        assert record.win_rate(4) == 0.25
        assert record.profit_factor(4) == 1.0
        assert record.edge() == Edge(4, 0.25, 0.0005, 0.0005)

    def test_a_gain_is_no_loss_and_the_edge_of_the_time_is_out(self) -> None:
        record = profits(-100.0, 50.0, 20.0)
        assert record.lost_since(NOW) == 0.0
        assert record.lost_since(NOW - timedelta(seconds=1)) == pytest.approx(0.03)

    def test_too_few_have_no_profit_factor(self) -> None:
        assert math.isnan(profits(1.0, -1.0).profit_factor(3))

    def test_a_review_is_no_negative_number(self) -> None:
        with pytest.raises(ValueError, match="reviewed"):
            Record.from_list([1, -1, [[0, NOW.isoformat(), 1.0, 0.1]]])


class TestResponses:
    def test_without_a_streak_the_strategys_own_threshold_holds(self) -> None:
        assert Response().threshold == 0.0
        assert respond(Record(), 1.0, None, NOW, SETTINGS).threshold == 0.0

    def test_the_eleventh_trade_back_is_forgotten(self) -> None:
        lost = [1.0 if letter == "w" else -1.0 for letter in "l" + "llwllwllwl"]
        assert streak_phase(profits(*lost), NOW + timedelta(days=3), SETTINGS) is None
        lost[3] = -1.0
        assert streak_phase(profits(*lost), NOW + timedelta(days=3), SETTINGS) is not None

    def test_a_rise_needs_more_than_its_rate(self) -> None:
        settings = RiskSettings(high_win_rate=0.66)
        assert win_rate_factor(profits(*[-1.0] * 17, *[1.0] * 33), settings) == 1.0
        assert win_rate_factor(profits(*[-1.0] * 16, *[1.0] * 34), settings) == 1.2


class TestTiers:
    def step(self, record: Record, equity: float = 2000, peak: float = 2000, **own: Any) -> str:
        since = TierRecord(record.total, 1 - equity / peak)
        return stepped("Foundation", equity, since, record, RiskSettings(**own)).name

    def test_an_unknown_equity_gets_the_first(self) -> None:
        assert tier_of(math.nan, SETTINGS).name == "Foundation"

    def test_a_drawdown_at_its_limit_proves_nothing(self) -> None:
        good = profits(*[2.0, 2.0, -1.0] * 40)
        assert self.step(good, 3000, 3999) == "Growth"
        assert self.step(good, 3000, 4000) == "Foundation"

    def test_gains_without_a_loss_prove_enough(self) -> None:
        assert self.step(profits(*[0.5, 0.0, 0.5] * 40)) == "Growth"
        assert self.step(profits(*[0.5] * 100)) == "Growth"
        assert self.step(profits(*[0.0] * 100)) == "Foundation"

    def test_a_shorter_proof_counts_the_trades_there_are(self) -> None:
        assert self.step(profits(*[2.0, 2.0, -1.0] * 20), advance_trades=50) == "Growth"


@pytest.mark.parametrize(
    ("btc", "limit"),
    [(0, 0.30), (200, 0.30), (201, 0.299), (300, 0.20), (400, 0.10), (401, 0.10), (900, 0.10)],
)
def test_each_point_of_btc_above_a_fifth_takes_one_from_eth(btc: float, limit: float) -> None:
    book = replace(BOOK, positions=held(("BTC", btc)))
    (cap,) = (s for s in shares("ETH/USDT", book, tier_in(book, SETTINGS), SETTINGS)
              if s.rule == "max_class")  # fmt: skip
    assert cap.limit == pytest.approx(limit)


def test_a_cap_of_eth_below_its_least_is_not_raised() -> None:
    settings = RiskSettings(class_caps=ClassCaps(eth=0.05))
    book = replace(BOOK, positions=held(("BTC", 400)))
    caps = shares("ETH/USDT", book, tier_in(book, settings), settings)
    assert {each.rule: each.limit for each in caps}["max_class"] == 0.05
