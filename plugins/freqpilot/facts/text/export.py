"""A classifier of transformers as int8 ONNX, once, for :mod:`freqpilot.facts.text.exported`.

Weights become int8 a channel, activations are scaled as they come (dynamic quantisation). Without
VNNI instructions a product of two full int8 overflows, so weights then have 7 bits. Written whole
or not at all, and only when it says what the original says.
"""

import inspect
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text.exported import (
    LEAST_AGREED,
    MANIFEST,
    MODEL,
    MOST_APART,
    TOKENS,
    Manifest,
    Parity,
    asked,
    digest_of,
    is_export,
    opened,
    parity,
)
from freqpilot.facts.text.finbert import INSTALL, FinBert

Precision = Literal["int8", "fp32"]
OPSET = 18
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export(
    model: FinBert, out: Path, origin: str, precision: Precision = "int8", *, check: bool = True
) -> Parity:
    """Write a model into the folder ``out`` and return how near it is to the original.

    :param origin: where the model is from, for the manifest.
    :param check: False writes it however far it is, for benchmarks of random weights.
    :raises RefuseToStart: when a package is missing, ``out`` holds something else, the export does
        not say what the original says, or it cannot be written.
    """
    if out.exists() and not is_export(out) and (not out.is_dir() or any(out.iterdir())):
        raise RefuseToStart(
            f"{out} is there and no exported model; nothing was written. Name another folder"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as made:
            folder = Path(made) / "new"
            folder.mkdir()
            manifest = _written(model, folder, origin, precision)
            near = parity(opened(folder, manifest).probabilities(asked()), _said(model))
            if check and not near.fits:
                raise RefuseToStart(
                    f"the {precision} model agrees with the original on {near.agreed:.1%} of "
                    f"{len(asked())} sentences (at least {LEAST_AGREED:.0%}) and scores are up to "
                    f"{near.apart:.2f} apart (at most {MOST_APART:g}); nothing was written. Use "
                    "--precision fp32, or the model as it is"
                )
            if out.exists():
                # Two renames: a kill between them leaves none, which is refused with the mend.
                out.rename(Path(made) / "old")
            folder.rename(out)
    except ImportError as error:
        raise RefuseToStart(f"{error}: {INSTALL}; nothing was written") from None
    except (RuntimeError, ValueError) as error:
        raise RefuseToStart(
            f"{origin} cannot be exported ({' '.join(str(error).split())[-600:]}); nothing was "
            "written. Use the model as it is"
        ) from None
    except OSError as error:
        raise RefuseToStart(f"{out} cannot be written ({error}); nothing else changed") from None
    return near


def has_vnni() -> bool:
    """Tell whether this processor multiplies int8 without overflow."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def _said(model: FinBert) -> Any:
    return model.probabilities(asked())


def _written(model: FinBert, folder: Path, origin: str, precision: Precision) -> Manifest:
    full = folder / "full.onnx"
    inputs = _graph(model, full)
    if precision == "int8":
        _quantised(full, folder / MODEL)
        full.unlink()
    else:
        shutil.move(full, folder / MODEL)
    _tokenizer(model, folder / TOKENS)
    manifest = Manifest(
        name=model.name,
        origin=f"{origin} {model.version}",
        known_from=model.known_from,
        order=model.order,
        pad=model.pad,
        inputs=inputs,
        precision=precision,
        digests={name: digest_of(folder / name) for name in (MODEL, TOKENS)},
        said=tuple(map(tuple, _said(model).round(6).tolist())),
    )
    document = {**asdict(manifest), "known_from": manifest.known_from.isoformat()}
    document["order"] = list(manifest.order)
    (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    return manifest


def _graph(model: FinBert, file: Path) -> tuple[str, ...]:
    """Write the fp32 graph and return the names of its inputs."""
    import torch

    takes = inspect.signature(model.model.forward).parameters
    inputs = tuple(name for name in INPUTS if name in takes)

    class Logits(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, ids: Any, mask: Any, kinds: Any = None) -> Any:
            more = {} if kinds is None else {INPUTS[2]: kinds}
            return self.inner(input_ids=ids, attention_mask=mask, **more).logits

    # One tensor given twice would become one input of the graph.
    sample = tuple(torch.full((2, 8), int(name != INPUTS[2])) for name in inputs)
    axes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("tokens", min=1)}
    before = model.model.config._attn_implementation
    # Plain attention is the graph that ONNX Runtime fuses.
    model.model.set_attn_implementation("eager")
    try:
        with _quiet():
            torch.onnx.export(
                Logits(model.model).eval(),
                sample,
                str(file),
                input_names=list(inputs),
                output_names=["logits"],
                opset_version=OPSET,
                dynamic_shapes=(axes,) * len(inputs),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        model.model.set_attn_implementation(before)
    return inputs


def _quantised(full: Path, file: Path) -> None:
    import onnx

    with _quiet():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        graph = onnx.load(full)
        # The exporter's shapes are of its sample.
        del graph.graph.value_info[:]
        quantize_dynamic(
            graph,
            str(file),
            per_channel=True,
            reduce_range=not has_vnni(),
            weight_type=QuantType.QInt8,
        )


def _tokenizer(model: FinBert, file: Path) -> None:
    """Write the tokenizer, with its truncation and without padding."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    made.no_padding()
    made.enable_truncation(model.most)
    made.save(str(file))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' talk of their own innards from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
