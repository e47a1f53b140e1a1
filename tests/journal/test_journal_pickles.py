"""The signals pickle: frames pass, everything that could act is refused before it acts."""

import io
import os
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from freqpilot.journal.backtest import load_run
from freqpilot.journal.pickles import PickleRefused, read_frames


def dumped(content) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(content, buffer)
    return buffer.getvalue()


class Call:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def test_frames_of_plain_columns_come_back_as_they_were():
    dates = pd.date_range("2026-01-01", periods=4, freq="h", tz="UTC")
    frame = pd.DataFrame(
        {
            "date": dates.as_unit("ms"),
            "close": [1.0, 2.0, np.nan, 4.0],
            "small": np.arange(4, dtype=np.float32),
            "count": [1, 2, 3, 4],
            "flag": [True, False, True, True],
            "word": ["up", "down", None, "flat"],
            "mixed": np.array(["a", None, 1.5, "b"], dtype=object),
        }
    ).iloc[[0, 2, 3]]
    content = dumped({"S": {"A/USDT": frame, "B/USDT": pd.DataFrame()}, "Other": {}})
    frames = read_frames(content, "S")
    pd.testing.assert_frame_equal(frames["A/USDT"], frame)
    assert frames["B/USDT"].empty
    assert read_frames(content, "Absent") == {}


def attacks(target: Path) -> dict[str, bytes]:
    touch = Call(os.system, f"touch {target}")
    nested = np.array([touch, None], dtype=object)
    frame = pd.DataFrame({"x": nested})
    dotted = b"\x80\x04\x8c\x06pandas\x8c\x0eDataFrame.eval\x93."
    # pickle.BUILD with a slot state on a class would set the class's attributes.
    on_class = b"\x80\x04\x8c\x08zoneinfo\x8c\x08ZoneInfo\x93N}\x8c\x03keyK\x01s\x86b."
    return {
        "plain": pickle.dumps(touch),
        "eval": pickle.dumps(Call(eval, f"open({str(target)!r}, 'w')")),
        "inside frames": dumped({"S": {"A/USDT": touch}}),
        "inside an object array": dumped({"S": {"A/USDT": frame}}),
        "reaching with getattr": pickle.dumps(Call(getattr, pd.DataFrame, "to_pickle")),
        "listing classes": pickle.dumps(Call(getattr, pd.Index, "__subclasses__")),
        "dotted name": dotted,
        "state of a class": on_class,
        "import": pickle.dumps(Call(__import__, "os")),
        "read a file": pickle.dumps(Call(pd.read_csv, "/etc/hostname")),
    }


@pytest.mark.parametrize("kind", sorted(attacks(Path("x"))))
def test_attack_is_refused_and_nothing_runs(kind, tmp_path):
    target = tmp_path / "touched"
    with pytest.raises(PickleRefused):
        read_frames(attacks(target)[kind], "S")
    assert not target.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        dumped([1, 2]),
        dumped({"S": {"A/USDT": [1]}}),
        dumped({"S": {"A/USDT": pd.DataFrame({"x": [1.0] * 50})}})[:-60],
    ],
)
def test_what_is_not_frames_is_refused(content):
    with pytest.raises(PickleRefused):
        read_frames(content, "S")


def test_state_of_a_class_is_named():
    with pytest.raises(PickleRefused, match="change a class"):
        read_frames(attacks(Path("x"))["state of a class"], "S")


def test_refused_signals_leave_a_run_that_says_so(export, tmp_path):
    target = tmp_path / "touched"
    export.signals = attacks(target)["inside frames"]
    run = load_run(export.write())
    assert run.signals == {}
    assert "refused" in run.signals_note
    assert "system" in run.signals_note
    assert len(run.trades) == 3
    assert not target.exists()
