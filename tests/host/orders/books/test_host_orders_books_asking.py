"""A loop's questions to the exchange: counted, asked once, and over after a second."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from freqtrade.exceptions import DDosProtection, TemporaryError
from freqtrade.exchange.common import retrier
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.host.account.begin import begin
from freqpilot.host.orders.books import asking
from freqpilot.host.orders.books.asking import Asker, NoTime
from freqpilot.host.orders.books.budget import Budget
from freqpilot.host.run.current import current, end


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    begin(make_bot(tmp_path).config, live=True)
    yield SimpleNamespace(timeout=10_000)
    end()
    Trade.session.remove()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A stopwatch that a test moves by hand."""
    now = [0.0]
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def spent() -> int:
    counts: dict[str, int] = current().counters.snapshot(datetime.now(UTC))["counts"]
    return counts.get("books requests", 0)


def test_a_request_ends_with_the_loop_s_second(api: Any, watch: list[float]) -> None:
    ask, seen = Asker(current(), api), []
    for moment in (0.0, 0.2, 0.5):
        watch[0] = moment
        ask.ask(lambda: seen.append(api.timeout))
    assert seen == [1_000, 800, 500]
    assert api.timeout == 10_000
    watch[0] = 0.51
    with pytest.raises(NoTime):
        ask.ask(lambda: pytest.fail("it was asked"))
    assert spent() == 3


def test_a_question_that_had_less_than_a_second_says_nothing_of_the_exchange(
    api: Any, watch: list[float]
) -> None:
    ask = Asker(current(), api)

    def late() -> None:
        raise ccxt.RequestTimeout("0.7 s")

    watch[0] = 0.3
    with pytest.raises(NoTime):
        ask.ask(late)
    assert current().part(Budget).allows(1, datetime.now(UTC))
    assert api.timeout == 10_000


def test_a_timeout_that_is_shorter_stays(api: Any, watch: list[float]) -> None:
    api.timeout, seen = 300, []
    Asker(current(), api).ask(lambda: seen.append(api.timeout))
    assert seen == [300]


def test_a_client_without_a_timeout_is_asked_all_the_same(tmp_path: Path, api: Any) -> None:
    assert Asker(current(), SimpleNamespace()).ask(lambda given: given, 7) == 7


def test_what_freqtrade_would_ask_again_is_asked_once(api: Any) -> None:
    asked: list[object] = []

    @retrier
    def fetch_positions() -> None:
        asked.append(api.timeout)
        raise TemporaryError("no answer")

    ask = Asker(current(), api)
    with pytest.raises(TemporaryError):
        ask.ask(fetch_positions)
    assert len(asked) == 1
    assert (api.timeout, spent()) == (10_000, 1)


@pytest.mark.parametrize(
    "cause",
    [ccxt.RateLimitExceeded("429"), ccxt.DDoSProtection("418"), ccxt.RequestTimeout("a second")],
)
@pytest.mark.parametrize("wrapped", [None, TemporaryError, DDosProtection])
def test_a_refusal_pauses_the_budget(api: Any, cause: Exception, wrapped: Any) -> None:
    def refuse() -> None:
        if wrapped is None:
            raise cause
        raise wrapped("Freqtrade's words") from cause

    with pytest.raises(wrapped or type(cause)):
        Asker(current(), api).ask(refuse)
    assert not current().part(Budget).allows(1, datetime.now(UTC))


def test_another_fault_pauses_nothing(api: Any) -> None:
    def fail() -> None:
        raise ccxt.BadSymbol("it is gone")

    with pytest.raises(ccxt.BadSymbol):
        Asker(current(), api).ask(fail)
    assert current().part(Budget).allows(1, datetime.now(UTC))
