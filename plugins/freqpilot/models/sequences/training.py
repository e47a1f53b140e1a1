"""Fitting a network: weighted squared loss, AdamW, stopped early on the purged tail."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from freqpilot.models.base.runtime import reproducible
from freqpilot.models.sequences.core import weights_of
from freqpilot.models.sequences.precision import Descent, precision_of
from freqpilot.settings import SequenceSettings
from freqpilot.shapes import Floats, Floats32

STEPS = 32
"""Least steps an epoch: batches shrink in a small window, as it takes steps to learn."""
ROWS = 1024
"""Rows that are judged at once."""


class Part(NamedTuple):
    """Scaled rows (n × length × k), labels and weights of one part of a window."""

    x: Floats32
    y: Floats
    weights: Floats


def train(
    network: str, part: Part, tune: Part, settings: SequenceSettings, seed: int
) -> tuple[Any, ...]:
    """Return the weights of the epoch, from ``settings.least_epochs`` on, whose forecasts agree
    best with ``tune``; the untrained network, which says 0 of every row, where none agrees.

    Agreement is correlation and not loss: of outcomes that are noise for the most part, a network
    overstates what it sees long before it has seen all of it, and the loss rises from then on. How
    far to believe the forecast is the head's part, which scales it.
    """
    from freqpilot.models.sequences import nets

    width, device = part.x.shape[2], settings.device
    with reproducible(device) as torch:
        generator = torch.Generator(device).manual_seed(seed)
        shuffles = np.random.default_rng(seed)
        net = nets.blank(network, width, settings.length, settings.hidden, settings.dropout)
        nets.initialise(net, torch.Generator().manual_seed(seed))
        net.to(device)
        for module in net.modules():
            if isinstance(module, nets.Dropout):
                module.generator = generator
        optimiser = torch.optim.AdamW(
            net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        step = Descent(torch, net, optimiser, device, precision_of(torch, settings))
        best, kept, waited = 0.0, _state(net), 0
        least = min(settings.least_epochs, settings.epochs)
        for epoch in range(1, settings.epochs + 1):
            net.train()
            for rows in _batches(shuffles, len(part.y), settings.batch):
                step(*_tensors(torch, part, rows, device))
            if epoch < least:
                continue
            now = agreement(_forecasts(torch, net, tune, device), tune)
            if now > best:
                best, kept, waited = now, _state(net), 0
            else:
                waited += 1
                if waited >= settings.patience:
                    break
        return weights_of(kept)


def agreement(found: Floats, part: Part) -> float:
    """Return the weighted correlation of forecasts (n) with a part's labels; 0 where either is the
    same everywhere, and for a network that broke."""
    if not np.isfinite(found).all():
        return 0.0
    total = float(part.weights.sum())
    one, other = (a - float(part.weights @ a) / max(total, 1e-300) for a in (found, part.y))
    power = float(part.weights @ one**2) * float(part.weights @ other**2)
    return float(part.weights @ (one * other)) / float(np.sqrt(power)) if power > 0 else 0.0


def _batches(shuffles: np.random.Generator, rows: int, batch: int) -> Iterator[Any]:
    size = min(batch, max(1, -(-rows // STEPS)))
    order = shuffles.permutation(rows)
    for begin in range(0, rows, size):
        yield order[begin : begin + size]


def _tensors(torch: Any, part: Part, rows: Any, device: str) -> tuple[Any, Any, Any]:
    weights = part.weights[rows] / max(float(part.weights.mean()), 1e-12)
    given = (part.x[rows], part.y[rows], weights)
    x, y, w = (torch.from_numpy(a.astype(np.float32, copy=False)).to(device) for a in given)
    return x, y, w


def _forecasts(torch: Any, net: Any, part: Part, device: str) -> Floats:
    net.eval()
    with torch.no_grad():
        found = [
            net(torch.from_numpy(part.x[begin : begin + ROWS]).to(device)).cpu().numpy()
            for begin in range(0, len(part.y), ROWS)
        ]
    return np.concatenate(found).astype(np.float64)


def _state(net: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
