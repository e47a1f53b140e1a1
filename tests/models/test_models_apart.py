"""A fit in a process of its own: the same result, and limits that hold."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from candle_source import candles
from children import ROOT, child_environment
from freqpilot.errors import Degraded
from freqpilot.models import linear
from freqpilot.models.base.window import TooShort, Window, known
from freqpilot.models.training import apart
from freqpilot.settings import LabelSettings


def limits(seconds: float = 60, memory_mb: int = 900, stop: bool = False) -> apart.Limits:
    event = threading.Event()
    if stop:
        event.set()
    return apart.Limits(seconds, memory_mb, nice=3, stop=event)


def window(rows: int = 900) -> Window:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, 4)).astype(np.float32)
    close = candles(1, rows).close
    label = np.append(np.diff(np.log(close)), 0.0) * 100 + x[:, 0]
    ones = np.ones(rows)
    return known(x, label, np.arange(rows), ones, ones, ("a", "b", "c", "d"))


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def swallow(megabytes: int) -> int:
    held = b"1" * (megabytes << 20)
    time.sleep(60)
    return len(held)


def where() -> tuple[int, int, str, str]:
    score = Path("/proc/self/oom_score_adj").read_text(encoding="ascii")
    print("libraries print where they like")
    return os.getpid(), os.nice(0), score.strip(), os.environ["OMP_NUM_THREADS"]


def vanish() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_model_of_another_process_is_the_same_model() -> None:
    given = window()
    here = apart.call(linear.Ridge().fit, given, LabelSettings(), 1)
    with apart.limited(limits()) as own:
        there = apart.call(linear.Ridge().fit, given, LabelSettings(), 1)
        with pytest.raises(TooShort):
            apart.call(linear.Ridge().fit, window(40), LabelSettings(), 1)
    assert there == here
    assert own.calls == 2
    assert own.peak_mb > 10


def test_it_is_nicer_than_the_bot_and_the_first_to_go_where_memory_is_short() -> None:
    with apart.limited(limits()):
        process, nice, score, threads = apart.call(where)
    assert process != os.getpid()
    assert nice == min(os.nice(0) + 3, 19)
    assert (score, threads) == ("1000", "1")


def test_what_no_other_process_can_import_reaches_it_by_value() -> None:
    class Own:
        """As in a file of the user's that Freqtrade has loaded."""

        def fit(self, rows: int) -> "Own":
            self.fitted = [rows, os.getpid()]
            return self

    with apart.limited(limits()):
        found = apart.call(Own().fit, 7)
    rows, process = found.fitted
    assert rows == 7
    assert process != os.getpid()
    assert type(found).__name__ == "Own"


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def left_of(before: set[int]) -> list[psutil.Process]:
    """Return the children since that do not end: a killed one is there until it is reaped."""
    since = [
        child for child in psutil.Process().children(recursive=True) if child.pid not in before
    ]
    return list(psutil.wait_procs(since, timeout=20)[1])


@pytest.mark.parametrize(
    ("given", "function", "argument", "told"),
    [
        (limits(seconds=0.3), sleep, 60, "longer than 0.3 s"),
        (limits(memory_mb=150), swallow, 400, r"of 150 \(training.memory_mb\)"),
        (limits(stop=True), sleep, 60, "the bot stops"),
    ],
)
def test_past_a_limit_it_is_given_up_at_once(
    given: apart.Limits, function: object, argument: int, told: str
) -> None:
    given.__post_init__()  # its time begins now
    before, begun = children(), time.monotonic()
    with apart.limited(given), pytest.raises(apart.GivenUp, match=told):
        apart.call(function, argument)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 40
    assert given.peak_mb < 1_500
    assert left_of(before) == [], "the process is gone"


def test_a_process_that_dies_is_an_error_and_not_a_model() -> None:
    with apart.limited(limits()), pytest.raises(Degraded, match="the fit ended with -9"):
        apart.call(vanish)


def test_what_cannot_be_sent_is_an_error_too() -> None:
    with apart.limited(limits()), pytest.raises(TypeError):
        apart.call(len, threading.Lock())


def test_limits_are_those_of_one_thread_and_end() -> None:
    seen: list[int] = []
    with apart.limited(limits()):
        other = threading.Thread(target=lambda: seen.append(apart.call(os.getpid)))
        other.start()
        other.join()
    assert seen == [os.getpid()]
    assert apart.call(os.getpid) == os.getpid()


PARENT = """
import threading, time
from freqpilot.models.training import apart

def told():
    import os, sys
    print("child", os.getpid(), file=sys.stderr, flush=True)
    open({file!r}, "w").write(str(os.getpid()))
    time.sleep(60)

with apart.limited(apart.Limits(60, 900, 0, threading.Event())):
    apart.call(told)
"""


def test_it_goes_when_the_bot_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(file=str(file)), encoding="utf-8")
    environment = child_environment() | {"PYTHONPATH": f"{ROOT / 'plugins'}"}
    bot = subprocess.Popen([sys.executable, str(script)], env=environment)
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        assert bot.poll() is None
        threading.Event().wait(0.05)
    child = psutil.Process(int(file.read_text()))
    bot.kill()
    bot.wait()
    child.wait(timeout=30)
    assert not child.is_running()
