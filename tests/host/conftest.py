"""What tests of the host share."""

from collections.abc import Iterator

import pytest

from freqpilot.host import exitsonly


@pytest.fixture(autouse=True)
def _nothing_is_left_exits_only() -> Iterator[None]:
    """A test that runs exits-only leaves no cause behind."""
    yield
    for cause in ("store", "start", "seams", "settings"):
        exitsonly.leave(cause)
