"""``freqpilot models`` and the doctor's line: what the model folders say."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control.models import cells, hours
from freqpilot.errors import Degraded
from freqpilot.host.commands import models
from freqpilot.models.training import shelf
from freqpilot.models.training.diary import FILE, Course, Diary
from freqpilot.models.training.schedule import HOUR

NOW = 1_800_000_000.0
BTC, ETH, XRP = "BTC/USDT", "ETH/USDT", "XRP/USDT"


def put(root: Path, pair: str, hours_old: float) -> Path:
    trained = int(NOW - hours_old * HOUR)
    folder = root / f"sub-train-{pair.split('/', maxsplit=1)[0]}_{trained}"
    folder.mkdir(parents=True)
    (folder / "cb_model.joblib").write_text("model", encoding="utf-8")
    shelf.label(folder, shelf.Shelved(folder, pair, "cb", trained, "FreqpilotLinear"))
    shelf.stamp(folder)
    return folder


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    """Return a user_data with a good, an expired and a missing model."""
    root = tmp_path / "models" / "freqpilot~1~2"
    put(root, BTC, 30)
    put(root, BTC, 5)
    put(root, ETH, 100)
    diary = Diary(24 * HOUR, 96 * HOUR)
    diary.pairs[BTC] = Course(NOW - 5 * HOUR, 3.25, 210.4)
    diary.pairs[XRP] = Course(
        failures=2, failed_at=NOW - HOUR, reason="it took longer", retry_at=NOW + HOUR
    )
    diary.save(root)
    (tmp_path / "models" / "regimes").mkdir()
    return tmp_path


def test_models_are_found_where_strategy_and_model_have_a_folder_of_their_own(
    tmp_path: Path,
) -> None:
    put(tmp_path / "models" / "freqpilot~1" / "by-1a-2b", BTC, 5)
    put(tmp_path / "models" / "other~1" / "by-1a-2b", ETH, 5)
    (line,) = models.read(tmp_path, "freqpilot").lines
    assert (line.identifier, line.pair, line.fault) == ("freqpilot~1/by-1a-2b", BTC, "")


def test_each_pair_has_a_line_with_what_a_person_asks(userdir: Path) -> None:
    found = models.read(userdir, "freqpilot")
    assert [line.pair for line in found.lines] == [BTC, ETH, XRP]
    assert [line.well(NOW) for line in found.lines] == [True, False, False]
    btc, eth, xrp = (cells(line, NOW) for line in found.lines)
    assert btc[1] == "FreqpilotLinear"
    assert btc[3:7] == ("5.0 h", "in 3.8 d", "ok", "3.2 s, 210 MB")
    assert eth[3:6] == ("4.2 d", "EXPIRED", "ok")
    assert xrp[2] == "none"
    assert "×2: it took longer; next try 2027-01-15 09:00" in xrp[-1]
    assert models.read(userdir, "freq").lines == ()
    assert models.read(userdir).lines == found.lines
    assert hours(2 * 24 * HOUR) == "2.0 d"


def test_a_failure_before_the_last_good_fit_is_over(userdir: Path) -> None:
    line = models.read(userdir).lines[0]
    over = replace(line, course=Course(fitted_at=NOW, failed_at=NOW - 9, reason="it hung"))
    assert cells(over, NOW)[-1] == ""


def test_a_broken_model_is_told_and_left_to_the_bot(userdir: Path) -> None:
    root = userdir / "models" / "freqpilot~1~2"
    newest = shelf.shelved(root)[0].folder
    (newest / "cb_model.joblib").write_text("modem", encoding="utf-8")
    line = models.read(userdir).lines[0]
    assert not line.well(NOW)
    assert "corrupt or was changed" in cells(line, NOW)[5]
    assert newest.exists()
    shelf.quarantine(newest, BTC, "a bit has turned", NOW)
    found = models.read(userdir)
    assert found.lines[0].trained == NOW - 30 * HOUR
    assert [each.reason for _, each in found.aside] == ["a bit has turned"]
    (root / FILE).write_text("{}", encoding="utf-8")
    assert "corrupt" in models.read(userdir).faults[0]


def test_the_doctor_has_one_line(userdir: Path) -> None:
    config = {"freqai": {"enabled": True, "identifier": "freqpilot"}, "user_data_dir": userdir}
    told = models.describe(config, NOW)
    assert told.startswith("1 of 3 models can be used, no entries by those of ETH/USDT, XRP/USDT")
    root = userdir / "models" / "freqpilot~1~2"
    Diary().save(root)
    assert models.describe(config, NOW) == "2 of 2 models can be used"
    newest = next(root.glob("sub-train-ETH*/cb_model.joblib"))
    newest.write_text("modem", encoding="utf-8")
    with pytest.raises(Degraded, match=r"1 of 2 models .* corrupt or was changed"):
        models.describe(config, NOW)
    config["freqai"] = {"enabled": True, "identifier": "other"}
    assert "no model yet" in models.describe(config, NOW)
    assert "FreqAI is off" in models.describe({"user_data_dir": userdir}, NOW)


def test_the_command_prints_a_table_or_json(userdir: Path) -> None:
    other = userdir / "models" / "old~1"
    put(other, BTC, 5)
    os.utime(other, (1, 1))
    with time_machine.travel(NOW, tick=False):
        ran = CliRunner().invoke(app, ["models", "--userdir", str(userdir)])
    assert ran.exit_code == 1
    assert "EXPIRED" in ran.output
    assert XRP in ran.output
    assert "old~1" not in ran.output
    ran = CliRunner().invoke(app, ["models", "--userdir", str(userdir), "--all", "--json"])
    told = json.loads(ran.output)
    assert {each["identifier"] for each in told["models"]} == {"freqpilot~1~2", "old~1"}
    empty = CliRunner().invoke(app, ["models", "--userdir", str(userdir / "none")])
    assert empty.exit_code == 0
    assert "no model in" in empty.output
