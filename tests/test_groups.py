"""Tests that share what is dear to make are played by one worker."""

import os

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_stays_with_one_worker(request: pytest.FixtureRequest) -> None:
    """A release of pytest ended this without a word: each worker made everything anew."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there are no workers without -n")
    assert request.node.nodeid.endswith("@groups")
