"""The files of a model of all pairs: the newest is found, a corrupt one set aside, old ones go."""

from pathlib import Path

from freqpilot.host.freqai.pooled.files import PoolFiles, Reference


def written(files: PoolFiles, *names: tuple[int, str]) -> None:
    files.folder.mkdir(parents=True, exist_ok=True)
    for stop, mark in names:
        (files.folder / Reference.of(stop, mark).file).write_text("{}")


def test_the_newest_of_its_own_mark_is_found(tmp_path: Path) -> None:
    files = PoolFiles(tmp_path)
    written(files, (100, "aa"), (300, "aa"), (200, "aa"), (400, "bb"))
    assert files.fresh("aa", 0) == Reference.of(300, "aa")
    assert files.fresh("aa", 299) == Reference.of(300, "aa")
    assert files.fresh("aa", 300) is None
    assert files.fresh("cc", 0) is None


def test_a_file_that_was_set_aside_is_not_found(tmp_path: Path) -> None:
    files = PoolFiles(tmp_path)
    written(files, (100, "aa"))
    files.set_aside(Reference.of(100, "aa"))
    assert files.fresh("aa", 0) is None
    assert [file.suffix for file in files.folder.iterdir()] == [".corrupt"]
    files.set_aside(Reference.of(100, "aa"))  # nothing is left to be set aside


def test_old_files_go_and_used_ones_stay(tmp_path: Path) -> None:
    files = PoolFiles(tmp_path)
    written(files, (100, "aa"), (200, "aa"), (300, "aa"), (400, "aa"))
    files.purge(2, [Reference.of(100, "aa").file])
    left = {file.name for file in files.folder.iterdir()}
    assert left == {Reference.of(stop, "aa").file for stop in (100, 300, 400)}
