"""Reads the one pickle that Freqtrade puts into a result file, without trusting it.

``--export signals`` stores candles with joblib. A pickle is a program: loading it may call
anything it names. This reader knows by name the few constructors that frames of plain columns
need, replaces the two that could reach further, and refuses every other. Nothing of a refused
file has been run but those constructors.

Cannot detect a frame that is well-formed and wrong: a digest of the file would be needed for that.
"""

import io
import pickle
import zoneinfo
from collections.abc import Callable
from importlib import import_module
from typing import Any

import joblib.numpy_pickle as joblib_format
import pandas as pd

from freqpilot.errors import RefuseToStart

# Both spellings, of pandas 2 and 3; dotted names never match.
ALLOWED = frozenset(
    {
        ("pandas", "DataFrame"),
        ("pandas", "Index"),
        ("pandas", "RangeIndex"),
        ("pandas", "DatetimeTZDtype"),
        ("pandas", "StringDtype"),
        ("pandas", "BooleanDtype"),
        ("pandas", "Categorical"),
        ("pandas", "CategoricalDtype"),
        ("pandas.arrays", "DatetimeArray"),
        ("pandas.arrays", "TimedeltaArray"),
        ("pandas.arrays", "ArrowStringArray"),
        ("pandas.arrays", "BooleanArray"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.indexes.base", "Index"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas.core.indexes.range", "RangeIndex"),
        ("pandas.core.internals.managers", "BlockManager"),
        ("pandas.core.arrays.datetimes", "DatetimeArray"),
        ("pandas.core.dtypes.dtypes", "DatetimeTZDtype"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("pyarrow.lib", "type_for_alias"),
        ("pyarrow.lib", "py_buffer"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("zoneinfo", "ZoneInfo"),
        ("builtins", "slice"),
        ("builtins", "bytearray"),
    }
)


class PickleRefused(RefuseToStart):
    """The file asks for something that frames of candles do not need."""


def read_frames(content: bytes, strategy: str) -> dict[str, pd.DataFrame]:
    """Return the frames of ``strategy`` by pair from the bytes of a ``*_signals.pkl``.

    :raises PickleRefused: when the file names anything outside the list, is broken, or holds
        anything but frames by strategy and pair.
    """
    try:
        loaded = _Reader(io.BytesIO(content)).load()
    except PickleRefused:
        raise
    # A hand-made stream can fail inside any constructor, with any exception.
    except Exception as error:
        raise PickleRefused(
            f"the signals are not readable ({type(error).__name__}: {error}); run the backtest "
            "again with --export signals"
        ) from None
    frames = loaded.get(strategy, {}) if type(loaded) is dict else None
    if type(frames) is not dict or not all(
        type(pair) is str and type(frame) is pd.DataFrame for pair, frame in frames.items()
    ):
        raise PickleRefused("the signals are not frames by strategy and pair; nothing was used")
    return frames


class _Reader(joblib_format.NumpyUnpickler):
    """joblib's unpickler with a closed list of names."""

    dispatch = joblib_format.NumpyUnpickler.dispatch.copy()

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__("signals.pkl", stream, True)

    def find_class(self, module: str, name: str) -> Any:
        """Return what the stream names, or refuse it."""
        replaced = REPLACED.get((module, name))
        if replaced is not None:
            return replaced
        if (module, name) not in ALLOWED:
            raise PickleRefused(
                f"the signals file asks for {module}.{name}, which candles do not need; nothing of "
                "it was used. If you did not make the file yourself, delete it"
            )
        return getattr(import_module(module), name)

    def load_build(self) -> None:
        """Set an object's state, but never that of a class or function."""
        target = self.stack[-2]
        if isinstance(target, type) or callable(target):
            raise PickleRefused("the signals file tries to change a class; nothing of it was used")
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


class _Array(joblib_format.NumpyArrayWrapper):
    """joblib's array on disk. Objects in it are a pickle of their own, which some releases of
    joblib read without asking the reader."""

    def read_array(self, unpickler: Any, *rest: Any) -> Any:
        """Return the array that follows in the stream."""
        if self.dtype.hasobject:
            return _Reader(unpickler.file_handle).load()
        return super().read_array(unpickler, *rest)


def _zone_constructor(owner: Any, name: str) -> Callable[..., Any]:
    """Stand in for ``getattr``, which zones are pickled with and which could reach anything."""
    if owner is zoneinfo.ZoneInfo and name == "_unpickle":
        return _zone
    raise PickleRefused("the signals file reaches into a class; nothing of it was used")


def _zone(key: str, from_cache: bool) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(key)


def _checked_arrow(data: Any) -> Any:
    """Restore an Arrow array and check its offsets, which pyarrow takes on trust."""
    array = import_module("pyarrow.lib")._restore_array(data)
    array.validate(full=True)
    return array


REPLACED: dict[tuple[str, str], Any] = {
    ("builtins", "getattr"): _zone_constructor,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Array,
    ("pyarrow.lib", "_restore_array"): _checked_arrow,
}
