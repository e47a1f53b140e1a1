"""An import compiles nothing; ``freqpilot warm`` compiles what features and labels use."""

import json
import subprocess
import sys

SCRIPT = """
import json
from freqpilot.features import warm
before = [name for name, d in warm.dispatchers().items() if d.signatures]
count = warm.warm()
ready = [name for name, d in warm.dispatchers().items() if d.signatures]
print(json.dumps({"before": before, "count": count, "ready": ready}))
"""


def test_importing_compiles_nothing_and_warming_compiles() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["before"] == []
    assert len(found["ready"]) == found["count"]
    entries = {
        "engine.blocks.advance",
        "labels.targets.uniqueness",
        "labels.targets._scan",
        "labels.sampling._scan",
        "labels.sampling._forward",
        "labels.sampling.gaussian_log_likelihood",
        "candles.orderflow.vpin",
        "candles.orderflow.bulk_buy_share",
        "candles.orderflow.order_flow_imbalance",
    }
    assert {f"freqpilot.features.{name}" for name in entries} <= set(found["ready"])
