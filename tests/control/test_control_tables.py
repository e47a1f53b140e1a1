"""Tables for a person: what runs, what is old, what is broken and what has to be done."""

import io
import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from freqpilot.control.book import print_book
from freqpilot.control.collecting import print_quarantine, print_sources, print_status
from freqpilot.control.models import cells, hours, print_models
from freqpilot.control.openrisk import print_open_risk
from freqpilot.control.risk import STALE_SECONDS, print_overview
from freqpilot.control.sleeves import print_sleeves
from freqpilot.facts.sources.base import Key, Spec
from freqpilot.models.training.diary import Course
from freqpilot.risk.entries.overview import Gauge, Overview, Requirement

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Paper:
    """A console whose lines can be read."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, width=220, color_system=None)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._file.getvalue().splitlines()]

    def row(self, begin: str) -> list[str]:
        """Return the cells of the one row that begins so."""
        (line,) = (line for line in self.lines() if line.lstrip("│ ").startswith(begin))
        return [cell.strip() for cell in line.strip("│").split("│")]


ACCOUNT = Overview(
    stamp=NOW,
    equity=990.0,
    peak=1_000.0,
    tier="normal",
    halted=None,
    wait=None,
    factors=(),
    gauges=(
        Gauge("drawdown", 0.01, 0.1, "halt", 90.0),
        Gauge("losses in a row", 3, 5, "a day without entries"),
    ),
)


def shown(account: Overview, now: datetime = NOW) -> Paper:
    paper = Paper()
    print_overview("dry run", account, now, paper.console)
    return paper


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        (STALE_SECONDS - 1, f"seen {STALE_SECONDS - 1} s ago"),
        (STALE_SECONDS, "seen at 2024-03-06 12:00 UTC (the bot is not running)"),
        (STALE_SECONDS + 1, "seen at 2024-03-06 12:00 UTC (the bot is not running)"),
    ],
)
def test_an_account_that_was_seen_a_while_ago_is_of_no_running_bot(seconds: int, seen: str) -> None:
    first = shown(ACCOUNT, NOW + seconds * SECOND).lines()[0]
    assert first == f"dry run: equity 990.00, peak 1000.00, tier normal, {seen}"


def test_limits_are_shares_and_counts() -> None:
    paper = shown(ACCOUNT)
    assert paper.row("drawdown") == ["drawdown", "1.0%", "10%", "10%", "90.00", "halt"]
    streak = ["losses in a row", "3", "5", "60%", "", "a day without entries"]
    assert paper.row("losses in a row") == streak


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"halted": "the drawdown"}, "HALTED: the drawdown. `freqpilot release` ends it."),
        ({"wait": "until Monday"}, "WAITING: until Monday"),
        ({"no_edge": "a record without edge"}, "NOTHING IS STAKED: a record without edge."),
        ({"missing": 12.5}, "`freqpilot flow --withdraw 12.50`"),
        ({"factors": (("volatility", 0.5),)}, "size of the next entry: volatility × 0.50"),
        ({}, "size of the next entry: normal"),
    ],
)
def test_what_holds_now_is_in_a_line_of_its_own(change: dict[str, Any], line: str) -> None:
    lines = shown(replace(ACCOUNT, **change)).lines()
    assert any(line in each for each in lines)
    words = ("HALTED", "WAITING", "NOTHING IS STAKED", "MISSING")
    loud = [word for each in lines for word in words if each.startswith(word)]
    assert len(loud) == len({"halted", "wait", "no_edge", "missing"} & set(change))


FITTED = Course(fitted_at=1_000.0, seconds=12.34)
LINE = SimpleNamespace(
    identifier="a",
    pair="BTC/USDT",
    model="Ridge",
    trained=7_200,
    expires=0.0,
    fault="",
    course=FITTED,
)


def model(now: float = 10_800.0, **changes: Any) -> dict[str, str]:
    names = ("pair", "model", "trained", "age", "expires", "files", "fit", "failure")
    line = SimpleNamespace(**(vars(LINE) | changes))
    return dict(zip(names, cells(line, now), strict=True))


def test_a_model_that_was_fitted() -> None:
    found = model()
    assert (found["trained"], found["age"]) == ("1970-01-01 02:00", "1.0 h")
    assert (found["expires"], found["files"], found["fit"]) == ("never", "ok", "12.3 s")
    assert found["failure"] == ""
    assert model(course=replace(FITTED, peak_mb=80.4))["fit"] == "12.3 s, 80 MB"
    assert model(fault="a digest")["files"] == "BROKEN: a digest"
    assert model(trained=0)["trained"] == "none"
    assert model(trained=0)["age"] == ""


@pytest.mark.parametrize(
    ("expires", "words"), [(10_799.0, "EXPIRED"), (10_800.0, "EXPIRED"), (14_400.0, "in 1.0 h")]
)
def test_a_model_is_expired_from_its_time_on(expires: float, words: str) -> None:
    assert model(expires=expires)["expires"] == words


@pytest.mark.parametrize(
    ("course", "words"),
    [
        ({"failed_at": 999.0}, ""),
        ({"failed_at": 1_001.0, "reason": "late"}, "1970-01-01 00:16 ×0: late"),
        # The clock was put back between the fit and its failures.
        ({"failed_at": 999.0, "failures": 2, "reason": "x"}, "1970-01-01 00:16 ×2: x"),
        (
            {"failed_at": 1_001.0, "failures": 1, "reason": "x", "retry_at": 10_801.0},
            "1970-01-01 00:16 ×1: x; next try 1970-01-01 03:00",
        ),
        (
            {"failed_at": 1_001.0, "failures": 1, "reason": "x", "retry_at": 10_800.0},
            "1970-01-01 00:16 ×1: x",
        ),
    ],
)
def test_a_failure_is_shown_until_a_fit_follows_it(course: dict[str, Any], words: str) -> None:
    assert model(course=replace(FITTED, **course))["failure"] == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3_600, "1.0 h"), (48 * 3_600 - 360, "47.9 h"), (48 * 3_600, "2.0 d"), (-7_200, "-2.0 h")],
)
def test_spans_are_hours_then_days(seconds: float, words: str) -> None:
    assert hours(seconds) == words


def test_each_identifier_has_a_table() -> None:
    paper = Paper()
    other = SimpleNamespace(**(vars(LINE) | {"identifier": "b", "pair": "ETH/USDT"}))
    print_models([LINE, other, LINE], 10_800.0, paper.console)
    firsts = [line.split()[0] for line in paper.lines() if line]
    assert firsts == ["a", "pair", "BTC/USDT", "BTC/USDT", "b", "pair", "ETH/USDT"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (None, None, "none"),
        (Key("A_KEY", "header", "x"), None, "A_KEY"),
        (Key("A_KEY", "header", "x"), "1", "A_KEY, set"),
        (Key("A_KEY", "header", "x", needed=False), None, "A_KEY (optional)"),
        (Key("A_KEY", "header", "x", needed=False), "1", "A_KEY (optional), set"),
    ],
)
def test_a_source_says_which_key_it_wants(
    monkeypatch: pytest.MonkeyPatch, key: Key | None, value: str | None, words: str
) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    if value:
        monkeypatch.setenv("A_KEY", value)
    paper = Paper()
    spec = Spec("mine", "what it is", every=timedelta(minutes=90), key=key, licence="free")
    print_sources({"mine": spec}, paper.console)
    line = next(line for line in paper.lines() if line.startswith("mine"))
    assert line.split() == ["mine", "what", "it", "is", "90", "min", *words.split(), "free"]


def test_feeds_and_what_was_set_aside() -> None:
    paper = Paper()
    line = SimpleNamespace(
        source="s", feed="f", state="late", answered_at=NOW, newest_event=None, added=1_234,
        quarantined=2, why="slow",
    )  # fmt: skip
    print_status([line], paper.console)
    assert paper.lines()[1].split() == [
        "s",
        "f",
        "late",
        "2024-03-06",
        "12:00",
        "1,234",
        "2",
        "slow",
    ]
    paper = Paper()
    print_quarantine([("s", "BTC", "m", NOW, math.pi, "a jump")], paper.console)
    assert paper.lines()[1].split()[:4] == ["s/m@BTC", "2024-03-06", "12:00", "3.14159"]
    paper = Paper()
    print_quarantine([], paper.console)
    assert paper.lines() == []


def test_a_sleeve_is_on_or_off_and_the_rest_is_of_nobody() -> None:
    money = {"pnl": 1_234.5, "fees": 2.0, "funding": -1.0, "exposure": 300.0}
    sleeve = {
        **money, "strategy": "Trend", "budget": 0.5, "equity": 600.0, "drawdown": 0.125,
        "limit": 0.2, "off_since": None,
    }  # fmt: skip
    off = {**sleeve, "off_since": NOW.isoformat()}
    paper = Paper()
    sleeves = {"one": sleeve, "two": off, "rest": money}
    print_sleeves("live", {"stamp": NOW.isoformat(), "sleeves": sleeves}, paper.console)
    assert paper.lines()[0].startswith("live: sleeves at 2024-03-06T12:00 UTC")
    figures = ["50.0%", "600.00", "1,234.50", "2.00", "-1.00", "300.00", "12.5%", "20%"]
    assert paper.row("one") == ["one", "Trend", *figures, "on"]
    assert paper.row("two")[-1] == "off since 2024-03-06T12:00"
    assert paper.row("(rest)")[:5] == ["(rest)", "", "", "", "1,234.50"]
    assert paper.row("(rest)")[-1] == "what no sleeve wanted"


BOOK: dict[str, Any] = {
    "stamp": NOW.isoformat(),
    "classes": {"small": 0.1, "btc": 0.3},
    "sectors": {"l1": 0.4},
    "clusters": [{"pairs": ["ADA/USDT", "SOL/USDT"], "share": 0.25}],
    "unknown": [],
    "tails": {"monte_carlo": {"var_95": 0.01, "cvar_95": 0.02, "var_99": 0.03, "cvar_99": 0.04}},
    "stress": {"depeg": 0.2, "crash_2020": 0.3, "no_harm": 0.1},
    "limits": {"cluster_cap": 0.3, "var_limit": 0.05, "max_stress_loss": 0.2},
}


def book(figures: dict[str, Any]) -> tuple[list[str], str]:
    """Return the lines of a book, and those that are loud."""
    paper = io.StringIO()
    console = Console(file=paper, width=120, force_terminal=True, color_system="standard")
    print_book("live", figures, console)
    lines = paper.getvalue().splitlines()
    loud = "\n".join(line for line in lines if "\x1b[1;31m" in line)
    return [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in lines], loud


def test_the_largest_of_a_book_comes_first() -> None:
    lines, _ = book(BOOK)
    assert lines[:4] == [
        "live: the book at 2024-03-06T12:00 UTC, shares of equity",
        "classes: btc 30.0%, small 10.0%",
        "sectors: l1 40.0%",
        "cluster of ADA/USDT, SOL/USDT: 25.0% (cap 30%)",
    ]
    losses = [line for line in lines if any(each in line for each in ("depeg", "crash", "harm"))]
    assert [line.strip("│ ").split("│")[0].strip() for line in losses] == [
        "crash 2020",
        "depeg",
        "no harm",
    ]
    tail = next(line for line in lines if "monte carlo" in line)
    assert [cell.strip() for cell in tail.strip("│").split("│")][1:] == [
        "1.0%",
        "2.0%",
        "3.0%",
        "4.0%",
    ]
    assert "no entry that takes a CVaR 99 % above 5%" in lines


def test_a_loss_above_its_limit_is_loud() -> None:
    _, loud = book(BOOK)
    assert "crash 2020" in loud
    assert "depeg" not in loud, "as much as the limit is within it"
    assert "no harm" not in loud


def test_a_book_without_positions_and_one_that_is_not_known() -> None:
    lines, _ = book({**BOOK, "classes": {}})
    assert lines[1:] == ["no position is open"]
    lines, _ = book({**BOOK, "unknown": ["NEW/USDT"]})
    assert "too few candles, counted at a crash: NEW/USDT" in lines


def test_what_the_next_tier_takes_is_one_line() -> None:
    needs = (
        Requirement("equity in US dollars", 1_900.4, 2_000, met=False),
        Requirement("trades in this tier", 100, 100, met=True),
        Requirement("win rate of the last 50", math.nan, 0.5, met=False),
        Requirement("profit factor", math.inf, 1.5, met=True),
        Requirement("worst drawdown in this tier", 0.12, 0.25, met=True),
    )
    lines = shown(replace(ACCOUNT, next="Growth", needs=needs)).lines()
    assert " ".join(lines).endswith(
        "tier Growth comes with: equity in US dollars 1,900 (of 2,000), trades in this tier 100 "
        "(of 100, done), win rate of the last 50 – (above 50%), profit factor ∞ (above 1.50, "
        "done), worst drawdown in this tier 12% (below 25%, done)"
    )
    assert not any("comes with" in line for line in shown(ACCOUNT).lines())


def test_open_trades_by_what_they_can_still_lose() -> None:
    row = {
        "trade": 1,
        "pair": "BTC/USDT",
        "side": "long",
        "rate": 100.0,
        "stop": 88.0,
        "by": "a stop on the exchange",
        "loss": 12.0,
        "share": 0.012,
        "shown": False,
    }
    beyond = {**row, "trade": 2, "by": "the strategy's stop", "loss": 50.0, "share": 0.05}
    beyond["shown"] = True
    figures = {"stamp": NOW.isoformat(), "trades": [row, beyond]}
    paper = Paper()
    print_open_risk("live", figures, 1.0, paper.console)
    first, second = (paper.row(number) for number in "21")
    assert first[3:] == [
        "88",
        "the strategy's stop; beyond its catastrophe stop since before the start",
        "50.00",
        "5.0%",
    ]
    assert second[4:] == ["a stop on the exchange", "12.00", "1.2%"]
    assert paper.row("all")[5:] == ["62.00", "6.2%"]
    unbounded = {**row, "stop": None, "by": "nothing", "loss": None, "share": None}
    paper = Paper()
    print_open_risk("live", {**figures, "trades": [unbounded]}, 1.0, paper.console)
    assert paper.row("1")[3:] == ["", "nothing", "unbounded", ""]
    assert not any("all" in line for line in paper.lines()[1:])
    paper = Paper()
    print_open_risk("live", {**figures, "trades": []}, 1.0, paper.console)
    assert paper.lines() == []
