"""What a configuration asks for above the limits is named with the line that would fit."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from result_stage import result

from freqpilot.errors import RefuseToStart
from freqpilot.host.commands import contradictions
from freqpilot.host.commands.contradictions import first_shares, ladder_line

CONFIG: dict[str, Any] = {
    "dry_run": True,
    "dry_run_wallet": 10_000,
    "stake_currency": "USDT",
    "stake_amount": 800,
    "max_open_trades": 6,
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"] * 20},
    "freqpilot": {},
}


def found(strategy: Any = None, **more: Any) -> list[str]:
    return contradictions.contradictions({**CONFIG, **more}, strategy)


class Plain:
    """What is read of a strategy."""

    stoploss = -0.1
    position_adjustment_enable = False
    max_entry_position_adjustment = -1

    def __init__(self, **more: Any) -> None:
        self.__dict__.update(more)

    def get_strategy_name(self) -> str:
        return "Plain"


def test_what_fits_is_not_spoken_of() -> None:
    assert found() == []
    assert found(Plain()) == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"stake_amount": 1_700}, "a stake of 1,700.00 is cut to 800.00: a position may be 8% of"),
        ({"stake_amount": "unlimited"}, "1,650.00 is cut to 800.00"),
        ({"stake_amount": "unlimited", "tradable_balance_ratio": 0.5}, "a stake of 833.33 is cut"),
        ({"stake_amount": 801}, '"stake_amount": 800.00 would fit'),
        (
            {"stake_amount": 801, "freqpilot": {"risk": {"oversized": "refuse"}}},
            "a stake of 801.00 is refused, as it is above 800.00",
        ),
        ({"max_open_trades": 7}, "of 7 open trades 6 are allowed in tier Sustained"),
        ({"max_open_trades": 7}, '"max_open_trades": 6 would fit'),
        ({"max_open_trades": -1}, "of any number of open trades 6 are allowed"),
        ({"freqpilot": {"risk": {"max_exposure": 0.3}}}, '"max_open_trades": 3 would fit'),
        ({"stoploss": -0.99}, "the stop is 99% away"),
        (
            {"dry_run_wallet": {"USDT": 1_000}, "stake_amount": 151},
            "15% of 1,000 in tier Foundation",
        ),
        ({"dry_run": False, "available_capital": 1_000, "stake_amount": 151}, "15% of 1,000"),
    ],
)
def test_each_contradiction_names_what_would_fit(config: dict[str, Any], words: str) -> None:
    assert any(words in text for text in found(**config)), found(**config)


def test_who_only_watches_is_told_that_nothing_of_it_is_done() -> None:
    watch = {"freqpilot": {"risk": {"profile": "watch"}}}
    first, second = found(stake_amount=900, **watch)
    assert first == "the profile is watch, which changes no order; full would:"
    assert [second] == found(stake_amount=900)
    assert found(**watch) == []


@pytest.mark.parametrize(
    "config",
    [
        {"stake_amount": 9_000, "dry_run": False},  # the account is not known
        {"stake_amount": 9_000, "freqpilot": {"supervisor": False}},
    ],
)
def test_without_an_account_or_a_supervisor_nothing_is_said(config: dict[str, Any]) -> None:
    assert found(**config) == []


def test_a_strategy_that_the_supervisor_sizes_overrules_the_stake() -> None:
    (text,) = found(Plain(sized_by_supervisor=True), stake_amount=9_000)
    assert text == "stake_amount is not used: the supervisor sizes Plain"


def test_a_leverage_of_the_strategys_own_is_named_on_futures_alone() -> None:
    from freqtrade.strategy import IStrategy

    class Levered(Plain):
        def leverage(self) -> float:
            return 5.0

    plain = Plain()
    type(plain).leverage = IStrategy.leverage  # type: ignore[attr-defined]
    assert found(plain, trading_mode="futures") == []
    assert found(Levered(), trading_mode="spot") == []
    (text,) = found(Levered(), trading_mode="futures")
    assert text == "the strategy sets a leverage: entries above 3 are refused in tier Sustained"


LADDERS = [*[[1.0, 1.0]] * 28, [1.0, 1.0, 2.0], [1.0, 9.0], *[[1.0]] * 10]


def test_the_share_is_read_from_the_deepest_ladders_but_a_few(tmp_path: Path) -> None:
    result(tmp_path, LADDERS, {})
    text = ladder_line(tmp_path, "Plain")
    assert "the first order of 30 trades with additions had 10% to 50%" in text
    assert 'add {"freqpilot": {"risk": {"ladder_share": 0.25}}} to the config' in text


def test_only_trades_with_additions_have_a_share() -> None:
    orders = [
        [{"amount": 1.0, "safe_price": 3.0, "ft_is_entry": True}],
        [
            {"amount": 1.0, "safe_price": 3.0, "ft_is_entry": True},
            {"amount": 4.5, "safe_price": 2.0, "ft_is_entry": True},
            {"amount": 5.5, "safe_price": 4.0, "ft_is_entry": False},
        ],
        None,
    ]
    run: Any = SimpleNamespace(trades=pd.DataFrame({"orders": orders}))
    assert list(first_shares(run)) == [pytest.approx(0.25)]


@pytest.mark.parametrize(
    ("shares", "run", "words"),
    [
        (LADDERS, {"supervisor": True}, "was run with Freqpilot"),
        (LADDERS[:5], {}, "has 5 trades of Plain with additions, 20 are needed"),
    ],
)
def test_a_result_that_says_nothing_is_refused(
    tmp_path: Path, shares: list[list[float]], run: dict[str, Any], words: str
) -> None:
    result(tmp_path, shares, run)
    with pytest.raises(RefuseToStart, match=words):
        ladder_line(tmp_path, "Plain")


def test_a_leverage_of_the_packs_above_the_tiers_is_cut() -> None:
    ours = Plain(sized_by_supervisor=True)
    config = {"trading_mode": "futures", "freqpilot": {"risk": {"leverage": 5}}}
    text = "risk.leverage of 5 is cut to 3, the most in tier Sustained"
    assert text in found(ours, **config)
    assert text not in found(ours, **{**config, "trading_mode": "spot"})
    assert len(found(ours, **{**config, "freqpilot": {"risk": {"leverage": 3}}})) == 1


def test_a_strategy_with_additions_is_told_its_share(tmp_path: Path) -> None:
    adds = Plain(position_adjustment_enable=True, max_entry_position_adjustment=3)
    (text,) = found(adds, user_data_dir=str(tmp_path), stake_amount=200)
    assert "a first order gets 25% of the room" in text
    assert "a backtest without freqpilot.json would tell the share" in text
    result(tmp_path / "backtest_results", LADDERS, {})
    (text,) = found(adds, user_data_dir=str(tmp_path), stake_amount=200)
    assert '"ladder_share": 0.25' in text
    chosen = {"risk": {"ladder_share": 0.3}}
    assert found(adds, user_data_dir=str(tmp_path), stake_amount=200, freqpilot=chosen) == []
    (text,) = found(adds, user_data_dir=str(tmp_path), stake_amount=300, freqpilot=chosen)
    assert "cut to 240.00" in text
    assert "of which a first order has 30%" in text
