"""What tests of the host share."""

from collections.abc import Iterator

import pytest

from freqpilot.host.alerts import events as alerts
from freqpilot.host.run import exitsonly


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    """A test that runs exits-only, or whose alerts wait, leaves nothing of that to the next."""
    alerts.begin_anew()
    yield
    alerts.begin_anew()
    for cause in exitsonly.causes():
        exitsonly.leave(cause)
