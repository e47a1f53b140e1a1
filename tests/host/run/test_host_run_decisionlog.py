"""The decision log: one JSON object a line, of records that hold a decision."""

import json
import logging
from pathlib import Path

import pytest

from freqpilot.host.run.decisionlog import DecisionLog


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "created": 12.5, **extra})


def test_only_decisions_are_written_each_on_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecisionLog, "user_data", tmp_path)
    log = DecisionLog("logs/own.jsonl")
    log.emit(record("nothing"))
    assert not log.file.exists()
    log.emit(record("entry", decision={"pair": "BTC/USDT"}))
    log.emit(record("veto", decision={"pair": "ETH/USDT"}))
    lines = [json.loads(line) for line in (tmp_path / "logs/own.jsonl").read_text().splitlines()]
    assert lines[0] == {"logged": 12.5, "what": "entry", "pair": "BTC/USDT"}
    assert [line["pair"] for line in lines] == ["BTC/USDT", "ETH/USDT"]


def test_what_cannot_be_written_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    log = DecisionLog(str(tmp_path / "file" / "own.jsonl"))
    faults: list[logging.LogRecord] = []
    monkeypatch.setattr(log, "handleError", faults.append)
    log.emit(record("entry", decision={"pair": "BTC/USDT"}))
    assert len(faults) == 1


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = DecisionLog(str(tmp_path / "own.jsonl"), max_bytes=100, backups=2)
    for number in range(10):
        log.emit(record("veto", decision={"number": number, "why": "x" * 100}))
    numbers = {
        file.name: [json.loads(line)["number"] for line in file.read_text().splitlines()]
        for file in tmp_path.iterdir()
    }
    assert numbers == {"own.jsonl": [9], "own.jsonl.1": [8], "own.jsonl.2": [7]}


def test_without_backups_a_full_file_begins_anew(tmp_path: Path) -> None:
    log = DecisionLog(str(tmp_path / "own.jsonl"), max_bytes=1, backups=0)
    for number in range(3):
        log.emit(record("veto", decision={"number": number}))
    assert json.loads(log.file.read_text())["number"] == 2
    assert len(list(tmp_path.iterdir())) == 1
