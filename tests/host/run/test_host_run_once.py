"""What is logged once a process."""

import logging
from collections.abc import Iterator

import pytest

from freqpilot.host.run import once
from freqpilot.host.run.once import warn_once

logger, other = logging.getLogger("freqpilot.one"), logging.getLogger("freqpilot.other")


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    once.forget()
    yield
    once.forget()


def test_a_text_is_logged_once_by_each_logger(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        warn_once(logger, "100 % is missing")
        warn_once(other, "100 % is missing")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("freqpilot.one", "100 % is missing"),
        ("freqpilot.other", "100 % is missing"),
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    once.forget()
    warn_once(logger, "100 % is missing")
    assert len(caplog.records) == 3


def test_what_it_is_about_may_change_its_words(caplog: pytest.LogCaptureFixture) -> None:
    warn_once(logger, "two facts are missing", about="BTC")
    warn_once(logger, "one fact is missing", about="BTC")
    warn_once(logger, "one fact is missing", about="ETH")
    assert caplog.messages == ["two facts are missing", "one fact is missing"]
