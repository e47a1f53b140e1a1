"""Folders of model files: whole or not there, and never used when a bit has turned."""

import subprocess
import sys
from pathlib import Path

import pytest
from shelf_stage import PAIR, put

from children import ROOT, child_environment
from freqpilot.errors import Degraded
from freqpilot.models.base import artefact
from freqpilot.models.training import shelf
from freqpilot.models.training.diary import FILE, Course, Diary
from freqpilot.models.training.schedule import HOUR, Spent


class Aside(list[str]):
    """Takes the place of the quarantine."""

    def __call__(self, path: Path, reason: str) -> None:
        self.append(path.name)


def test_the_newest_of_a_pair_is_found_as_it_says_of_itself(tmp_path: Path) -> None:
    put(tmp_path, PAIR, 100)
    newest = put(tmp_path, PAIR, 200)
    put(tmp_path, "ETH/USDT", 300)
    aside = Aside()
    found = shelf.newest_good(tmp_path, PAIR, aside)
    assert found == shelf.Shelved(newest, PAIR, "cb", 200, "Door")
    assert shelf.newest_good(tmp_path, "XRP/USDT", aside) is None
    assert aside == []


@pytest.mark.parametrize("place", ["cb_model.joblib", "cb_metadata.json", shelf.LABEL])
@pytest.mark.parametrize("harm", ["bit", "cut", "gone"])
def test_a_broken_file_of_any_kind_puts_its_folder_aside(
    tmp_path: Path, place: str, harm: str
) -> None:
    older, newer = put(tmp_path, PAIR, 100), put(tmp_path, PAIR, 200)
    break_file(newer / place, harm)
    with pytest.raises(Degraded):
        shelf.verify(newer)
    found = shelf.newest_good(tmp_path, PAIR, Aside())
    assert found is not None
    assert found.folder == older


def break_file(file: Path, harm: str) -> None:
    """Turn one bit, cut a file short, or remove it."""
    content = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 3] ^= 1
        file.write_bytes(content)


def test_digests_are_part_of_the_folder(tmp_path: Path) -> None:
    for content in ("", "{}", "[]", '{"cb_model.joblib": "0"}'):
        folder = put(tmp_path / str(len(content)), PAIR, 100)
        (folder / shelf.DIGESTS).write_text(content, encoding="utf-8")
        with pytest.raises(Degraded):
            shelf.verify(folder)


def test_what_is_set_aside_keeps_its_reason(tmp_path: Path) -> None:
    for _ in range(2):
        gone = put(tmp_path, PAIR, 100)
        shelf.quarantine(gone, PAIR, "a bit has turned", 1_000.0)
    assert not gone.exists()
    assert shelf.shelved(tmp_path) == []
    found = shelf.quarantined(tmp_path)
    assert {each.name for each in found} == {gone.name, f"{gone.name}.2"}
    assert {(each.pair, each.at, each.reason) for each in found} == {
        (PAIR, 1_000.0, "a bit has turned")
    }
    (tmp_path / shelf.QUARANTINE / "odd.reason").write_text("?", encoding="utf-8")
    assert shelf.quarantined(tmp_path)[-1] == shelf.SetAside("odd", "", 0.0, "unknown")


def test_what_a_kill_left_is_not_a_model_and_is_cleared(tmp_path: Path) -> None:
    whole = put(tmp_path, PAIR, 100)
    left = tmp_path / f"{shelf.UNFINISHED}sub-train-BTC_USDT_200"
    left.mkdir()
    shelf.label(left, shelf.Shelved(left, PAIR, "cb", 200))
    found = shelf.newest_good(tmp_path, PAIR, Aside())
    assert found is not None
    assert found.folder == whole
    shelf.clear_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [whole.name]


def test_a_folder_that_was_begun_by_others_is_taken_over(tmp_path: Path) -> None:
    begun = tmp_path / "sub-train-BTC_USDT_100"
    (begun / "tensorboard").mkdir(parents=True)
    (begun / "cb_model.joblib").write_text("half", encoding="utf-8")
    shelf.verify(put(tmp_path, PAIR, 100))
    assert (begun / "tensorboard").is_dir()
    assert (begun / "cb_model.joblib").read_text(encoding="utf-8") == "model"


def test_old_models_go_and_the_last_good_one_never_does(tmp_path: Path) -> None:
    models = [put(tmp_path, PAIR, trained) for trained in (100, 200, 300, 400)]
    other = put(tmp_path, "ETH/USDT", 50)
    failed = tmp_path / "sub-train-BTC_USDT_500"
    failed.mkdir()
    gone = shelf.purge(tmp_path, 2, [models[0]])
    assert sorted(gone) == [models[1], failed]
    assert {path for path in (*models, other) if path.exists()} == {
        models[0],
        *models[2:],
        other,
    }


def test_the_diary_is_read_back_or_refused(tmp_path: Path) -> None:
    assert Diary.load(tmp_path) == Diary()
    diary = Diary(10.0, 20.0)
    diary.of(PAIR).failures = 2
    diary.spent.append(Spent(5.0, 1.5))
    diary.save(tmp_path)
    assert Diary.load(tmp_path) == diary
    break_file(tmp_path / FILE, "bit")
    with pytest.raises(Degraded):
        Diary.load(tmp_path)
    artefact.write(tmp_path / FILE, {"retrain": 1.0})
    with pytest.raises(Degraded):
        Diary.load(tmp_path)


def test_the_diary_forgets_what_is_over_and_what_never_was() -> None:
    now = 10 * HOUR
    diary = Diary(spent=[Spent(8.9 * HOUR, 1), Spent(9.5 * HOUR, 2), Spent(30 * HOUR, 3)])
    diary.pairs = {
        "A": Course(failed_at=now - 60, retry_at=now + 60),
        "B": Course(failed_at=now + DAY_LATER, retry_at=now + 2 * DAY_LATER),
    }
    diary.forget(now)
    assert [each.seconds for each in diary.spent] == [2]
    assert diary.pairs["A"].retry_at == now + 60
    assert diary.pairs["B"].retry_at == 0, "the clock was put back"


DAY_LATER = 24 * HOUR


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.json"
    artefact.write(file, {"a": 1})

    def die(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(artefact.os, "fsync", die)
    with pytest.raises(OSError, match="no space"):
        artefact.write(file, {"a": 2})
    assert artefact.read(file) == {"a": 1}


KILLED = """
import os, pathlib, shutil, signal, sys
from pathlib import Path

sys.path.insert(0, {here!r})
import shelf_stage

left = int(sys.argv[1])

def counted(original):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)
    return call

os.fsync = counted(os.fsync)
for name in ("rename", "replace", "write_text"):
    setattr(Path, name, counted(getattr(Path, name)))
shelf_stage.put(Path(sys.argv[2]), shelf_stage.PAIR, 200, "newer")
"""


def test_a_kill_at_any_moment_leaves_a_whole_model(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(here=str(Path(__file__).parent)), encoding="utf-8")
    environment = child_environment() | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
    seen = []
    for moment in (1, 3, 4, 5, 8, 9, 10, 11, 12):
        root = tmp_path / str(moment)
        put(root, PAIR, 100, "older")
        command = [sys.executable, str(script), str(moment), str(root)]
        done = subprocess.run(command, env=environment, check=False, timeout=60)
        aside = Aside()
        found = shelf.newest_good(root, PAIR, aside)
        assert aside == [], "what is not whole is not even looked at"
        assert found is not None
        seen.append((done.returncode, found.trained))
        assert (found.folder / "cb_model.joblib").read_text(encoding="utf-8") == (
            "older" if found.trained == 100 else "newer"
        )
    assert seen[0] == (-9, 100)
    assert (-9, 200) in seen, "the last moment is after the folder has its name"
    assert seen[-1] == (0, 200)
