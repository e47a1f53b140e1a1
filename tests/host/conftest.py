"""What tests of the host share."""

from collections.abc import Iterator

import pytest

from freqpilot.host.alerts import events as alerts
from freqpilot.host.gate.keyright import KeyRight
from freqpilot.host.run import exitsonly


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    """A test that runs exits-only, or whose alerts wait, leaves nothing of that to the next."""
    alerts.begin_anew()
    yield
    alerts.begin_anew()
    for cause in exitsonly.causes():
        exitsonly.leave(cause)


@pytest.fixture(autouse=True)
def _a_key_that_cannot_withdraw() -> Iterator[None]:
    """What a test's exchange would say, where it is not asked. The patches of tests themselves must
    end before their runs do, so they are not used here."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(KeyRight, "withdraws", False)
        yield
