"""What tests of the comparison of books share."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from freqpilot.host.orders.books import asking


@pytest.fixture(autouse=True)
def _a_loop_that_has_time() -> Iterator[None]:
    """The second that a loop's end may take does not go by: a busy machine would decide."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(asking, "time", SimpleNamespace(monotonic=lambda: 0.0))
        yield
