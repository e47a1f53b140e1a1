"""What all tests share: environments for child processes, folders of candles, Hypothesis seeds."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from benchmarks.postgres import Cluster, NoServer, cluster

ROOT = Path(__file__).resolve().parents[1]
REALDATA = Path(os.environ.get("FREQPILOT_REALDATA", ROOT.parent / "shared" / "data"))

settings.register_profile(
    "freqpilot",
    deadline=None,
    max_examples=25,
    derandomize=os.environ.get("HYPOTHESIS_RANDOM") is None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("freqpilot")


def child_environment() -> dict[str, str]:
    """Return an environment in which Freqtrade sets up its logging, and so Freqpilot: it skips
    that when it sees pytest's variables."""
    dropped = ("PYTEST_", "FREQTRADE__")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    environment["PYTHONWARNINGS"] = "ignore"
    environment["COLUMNS"] = "200"  # tables are read back, whole
    return environment


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Return the folder of real market data, or skip and name what is missing."""
    if not REALDATA.is_dir():
        pytest.skip(f"real candles are not at {REALDATA}; set FREQPILOT_REALDATA to their folder")
    return REALDATA


@pytest.fixture
def freqtrade(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the real ``freqtrade`` in a folder outside the repository."""

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "freqtrade", *arguments],
            cwd=tmp_path,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Return a PostgreSQL server of this process, or skip and name what is missing."""
    try:
        with cluster() as made:
            yield made
    except NoServer as missing:
        pytest.skip(str(missing))


_databases = count()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """Return the URL of an empty database."""
    name = f"test_{next(_databases)}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, of SQLite and of PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/freqpilot.sqlite"
    made: str = request.getfixturevalue("postgres_url")
    return made


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that asks for real data its mark, and those of a server one worker."""
    for item in items:
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realdata)
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("postgres"))
