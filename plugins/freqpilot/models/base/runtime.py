"""torch, where it is installed: asked for late, and used without changing it for others."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Lock
from typing import Any

from freqpilot.errors import RefuseToStart

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_lock = Lock()
_inside = 0
_before: tuple[bool, bool, int] = (False, False, 1)


def require(purpose: str, device: str = "cpu") -> None:
    """Check that ``purpose`` can be served.

    :raises RefuseToStart: without torch, or without the GPU that is asked for.
    """
    if find_spec("torch") is None:
        raise RefuseToStart(
            f"{purpose} needs torch, which is not installed: nothing was started, open trades are "
            "as they were; run pip install 'freqpilot[deep]', or choose another model"
        )
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise RefuseToStart(
            f"{purpose} is set to train on a GPU (device: {device}), and torch finds none: nothing "
            "was started; set freqpilot.models.sequences.device to cpu, or mend the driver"
        )


@contextmanager
def reproducible(device: str = "cpu") -> Iterator[Any]:
    """Yield torch with one thread and deterministic algorithms, and leave it as it was.

    One thread, because the order of a sum split among threads changes its rounding. Several
    threads may be inside at once; the last one to leave restores the algorithms. torch's own random
    state is neither read nor moved: who draws here brings a generator.
    """
    global _inside, _before  # noqa: PLW0603  torch's settings are the process's
    import torch

    if device != "cpu":
        # Without it cuBLAS, and so the recurrent layers, may round otherwise from run to run.
        os.environ.setdefault(WORKSPACE, ":4096:8")
    with _lock:
        if not _inside:
            _before = (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
                torch.get_num_threads(),
            )
        _inside += 1
        enabled, warn_only, threads = _before
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
    try:
        yield torch
    finally:
        with _lock:
            _inside -= 1
            # OpenMP's setting is the calling thread's own: each puts its own back.
            torch.set_num_threads(threads)
            if not _inside:
                torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
