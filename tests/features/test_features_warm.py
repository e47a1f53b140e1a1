"""An import compiles nothing; ``freqpilot warm`` compiles what features and labels use."""

import json
import subprocess
import sys

SCRIPT = """
import json
from freqpilot.features import warm
before = [name for name, d in warm.dispatchers().items() if d.signatures]
count = warm.warm()
names = sorted(warm.dispatchers())
print(json.dumps({"before": before, "count": count, "names": names}))
"""


def test_importing_compiles_nothing_and_warming_compiles() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["before"] == []
    assert "freqpilot.features.kernels.ewm" in found["names"]
    assert "freqpilot.features.labels.uniqueness" in found["names"]
    assert found["count"] >= 11
