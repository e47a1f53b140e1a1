"""The doctor names what needs torch."""

from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.host.commands import networks
from freqpilot.models.base import runtime


def test_the_doctor_names_what_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    config: dict[str, Any] = {"freqai": {"enabled": True}, "freqaimodel": "FreqpilotGRU"}
    guarded = {"freqpilot": {"models": {"guard": {"enabled": True}}}}
    assert networks.describe(config) == "torch is there for FreqpilotGRU, trained on: cpu"
    assert "and the anomaly guard at 0.99" in networks.describe(config | guarded)
    plain = config | {"freqaimodel": "FreqpilotLinear"}
    assert networks.describe(plain) == "nothing needs torch"
    assert "is off" in networks.describe({"freqaimodel": "FreqpilotGRU"})
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    for given in (config, plain | guarded):
        with pytest.raises(RefuseToStart, match=r"pip install 'freqpilot\[deep\]'"):
            networks.describe(given)
    assert networks.describe(plain) == "nothing needs torch"
