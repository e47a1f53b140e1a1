"""In what precision a network is trained, and one step of it.

Source: P. Micikevicius et al., Mixed Precision Training, 2018.
"""

import logging
from typing import Any, NamedTuple

from freqpilot.settings import SequenceSettings

logger = logging.getLogger(__name__)

CLIP = 1.0
"""Largest norm of a gradient."""


class Precision(NamedTuple):
    """``products``: the torch type that layers multiply in; ``scaled``: whether the loss is scaled
    up, so that gradients do not vanish on their way. Weights and loss are float32 in any case."""

    products: str = "float32"
    scaled: bool = False


def precision_of(torch: Any, settings: SequenceSettings) -> Precision:
    """Return what ``settings.precision`` comes to on ``settings.device``.

    ``auto`` is float32 on the CPU, and on a GPU bfloat16 where it computes that itself, float16
    elsewhere. On a GPU the loss is scaled with either: cuDNN's recurrent layers multiply in float16
    under autocast, whatever type it is given. A processor without recurrent layers in the type that
    is asked for trains in float32, and a warning says so.
    """
    cpu, chosen = settings.device == "cpu", str(settings.precision)
    if chosen == "auto":
        native = not cpu and torch.cuda.is_bf16_supported(including_emulation=False)
        chosen = "float32" if cpu else "bfloat16" if native else "float16"
    if cpu and chosen != "float32" and not computes(torch, chosen):
        logger.warning(
            "This processor has no recurrent layers in %s: the network is trained in float32",
            chosen,
        )
        chosen = "float32"
    return Precision(chosen, scaled=not cpu and chosen != "float32")


def computes(torch: Any, products: str) -> bool:
    """Tell whether the processor has recurrent layers in a torch type, forward and backward."""
    try:
        with torch.autocast("cpu", getattr(torch, products)):
            found, _ = torch.nn.LSTM(2, 2, batch_first=True)(torch.zeros(1, 2, 2))
        found.float().sum().backward()
    except RuntimeError:
        return False
    return True


class Descent:
    """Steps of ``optimiser`` down the weighted squared error of ``net``."""

    def __init__(
        self, torch: Any, net: Any, optimiser: Any, device: str, precision: Precision
    ) -> None:
        self.torch, self.net, self.optimiser, self.device = torch, net, optimiser, device
        self.products = getattr(torch, precision.products)
        self.scaler = torch.amp.GradScaler(device, enabled=precision.scaled)

    def __call__(self, x: Any, y: Any, weights: Any) -> Any:
        """Take one step and return the loss before it; no step where a scaled gradient broke."""
        torch, low = self.torch, self.products != self.torch.float32
        with torch.autocast(self.device, self.products, enabled=low):
            found = self.net(x)
        loss = (weights * (found.float() - y) ** 2).mean()
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss.detach()
