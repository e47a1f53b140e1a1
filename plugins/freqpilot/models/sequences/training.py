"""Fitting a network: weighted squared loss, AdamW, stopped early on the purged tail."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from freqpilot.models.runtime import reproducible
from freqpilot.models.scaling import scaled
from freqpilot.models.sequences.core import FAR, weights_of
from freqpilot.settings import SequenceSettings
from freqpilot.shapes import Floats, Floats32

STEPS = 8
"""Least steps an epoch: batches shrink in a small window."""
CLIP = 1.0
"""Largest norm of a gradient."""


class Part(NamedTuple):
    """Rows (n × length·k), labels and weights of one part of a window."""

    x: Floats32
    y: Floats
    weights: Floats


class Scale(NamedTuple):
    """Medians and scales of the features of one candle."""

    centre: Floats
    scale: Floats


def train(
    network: str, part: Part, tune: Part, scale: Scale, settings: SequenceSettings, seed: int
) -> tuple[Any, ...]:
    """Return the weights of the epoch with the least loss on ``tune``; the untrained network, which
    says the mean label of every row, is one of those compared.

    On a GPU the products are computed in bfloat16 (autocast); the weights are float32.
    """
    from freqpilot.models.sequences import nets

    width, length = len(scale.centre), settings.length
    device = settings.device
    with reproducible(device) as torch:
        generator = torch.Generator(device).manual_seed(seed)
        shuffles = np.random.default_rng(seed)
        net = nets.blank(network, width, length, settings.hidden, settings.dropout)
        level = float(np.average(part.y, weights=part.weights))
        own = torch.Generator().manual_seed(seed)
        nets.initialise(net, own, level)
        net.to(device)
        for module in net.modules():
            if isinstance(module, nets.Dropout):
                module.generator = generator
        steps = torch.optim.AdamW(
            net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        best, kept, waited = _loss(torch, net, tune, scale, settings), _state(net), 0
        for _ in range(settings.epochs):
            net.train()
            for rows in _batches(shuffles, len(part.y), settings.batch):
                x, y, weights = _tensors(torch, part, rows, scale, settings)
                with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):
                    found = net(x)
                loss = (weights * (found.float() - y) ** 2).mean()
                steps.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
                steps.step()
            now = _loss(torch, net, tune, scale, settings)
            if now < best:
                best, kept, waited = now, _state(net), 0
            else:
                waited += 1
                if waited >= settings.patience:
                    break
        return weights_of(kept)


def _batches(shuffles: np.random.Generator, rows: int, batch: int) -> Iterator[Any]:
    size = min(batch, max(1, -(-rows // STEPS)))
    order = shuffles.permutation(rows)
    for begin in range(0, rows, size):
        yield order[begin : begin + size]


def _tensors(
    torch: Any, part: Part, rows: Any, scale: Scale, settings: SequenceSettings
) -> tuple[Any, Any, Any]:
    shape = (len(rows), settings.length, len(scale.centre))
    z = scaled(part.x[rows].reshape(shape), scale.centre, scale.scale, FAR)
    weights = part.weights[rows] / max(float(part.weights.mean()), 1e-12)
    given = (z, part.y[rows], weights)
    x, y, w = (torch.from_numpy(a.astype(np.float32)).to(settings.device) for a in given)
    return x, y, w


def _loss(torch: Any, net: Any, part: Part, scale: Scale, settings: SequenceSettings) -> float:
    """Return the weighted squared error of a part; infinite for a network that broke."""
    net.eval()
    total = 0.0
    with torch.no_grad():
        for begin in range(0, len(part.y), 1024):
            rows = np.arange(begin, min(begin + 1024, len(part.y)))
            x, y, weights = _tensors(torch, part, rows, scale, settings)
            total += float((weights * (net(x) - y) ** 2).sum())
    return total if np.isfinite(total) else np.inf


def _state(net: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
