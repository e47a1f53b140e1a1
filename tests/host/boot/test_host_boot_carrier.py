"""What takes Freqpilot into hyperopt's workers: unpickled there, it calls its start with what the
process that pickled it had."""

import copy
import pickle
from collections.abc import Sequence

from freqpilot.host.boot.carrier import Carrier

ARRIVED: list[Sequence[str]] = []


def arrive(groups: Sequence[str]) -> Carrier:
    ARRIVED.append(groups)
    return CARRIER


def load() -> Sequence[str]:
    return ("trade", "freqai")


CARRIER = Carrier(arrive, load)


def test_a_worker_that_unpickles_it_begins_and_has_its_own() -> None:
    ARRIVED.clear()
    packed = pickle.dumps({"internals": CARRIER})
    assert ARRIVED == []
    assert pickle.loads(packed)["internals"] is CARRIER
    assert ARRIVED == [("trade", "freqai")]


def test_a_copy_of_the_config_starts_nothing_and_has_the_same_text() -> None:
    ARRIVED.clear()
    assert copy.deepcopy({"internals": CARRIER})["internals"] is CARRIER
    assert repr(CARRIER) == repr(Carrier(arrive, load)) == "freqpilot"
    assert ARRIVED == []
