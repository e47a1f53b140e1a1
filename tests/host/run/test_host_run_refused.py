"""Freqtrade hears of a refused order both in its loop and where a person has forced it."""

import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.rpc.rpc import RPCException

from freqpilot.host.run.refused import order_refused


def test_the_loop_and_the_person_who_forced_it_read_the_reason() -> None:
    kind = order_refused()
    assert order_refused() is kind
    for caught in (DependencyException, RPCException):
        with pytest.raises(caught, match=r"^too much$") as refused:
            raise kind("too much")
    assert refused.value.message == "too much"
