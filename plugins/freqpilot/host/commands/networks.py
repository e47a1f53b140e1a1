"""What ``freqpilot doctor`` says of the models that need torch, before a start is refused."""

from typing import Any

from freqpilot.models.base.runtime import require
from freqpilot.settings import Settings

DOORS = ("FreqpilotBiLSTM", "FreqpilotGRU", "FreqpilotCNNLSTM", "FreqpilotPatchTransformer")
"""The doors to the sequence models."""


def describe(config: dict[str, Any]) -> str:
    """Return one line on what of the config needs torch.

    :raises RefuseToStart: when something does, and torch or the GPU is not there.
    """
    if not config.get("freqai", {}).get("enabled", False):
        return "FreqAI is off, so nothing needs torch"
    models = Settings.from_config(config).models
    found = []
    if (name := config.get("freqaimodel", "")) in DOORS:
        require(f"the model {name}", models.sequences.device)
        found.append(f"{name}, trained on: {models.sequences.device}")
    if models.guard.enabled:
        require("the anomaly guard (freqpilot.models.guard)")
        found.append(f"the anomaly guard at {models.guard.quantile:g}")
    return f"torch is there for {' and '.join(found)}" if found else "nothing needs torch"
