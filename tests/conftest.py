"""What all tests share: environments for child processes, folders of candles, Hypothesis seeds."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from benchmarks.support.postgres import Cluster, NoServer, cluster
from children import ROOT, child_environment
from forked import Forks

REALDATA = Path(os.environ.get("FREQPILOT_REALDATA", ROOT.parent / "shared" / "data"))

settings.register_profile(
    "freqpilot",
    deadline=None,
    max_examples=25 if os.environ.get("FREQPILOT_DEEP") is None else 250,
    derandomize=os.environ.get("HYPOTHESIS_RANDOM") is None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("freqpilot")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Return the folder of real market data, or skip and name what is missing."""
    if not REALDATA.is_dir():
        pytest.skip(f"real candles are not at {REALDATA}; set FREQPILOT_REALDATA to their folder")
    return REALDATA


@pytest.fixture
def started_freqtrade(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that starts the real ``freqtrade`` in a folder outside the repository."""

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
def forks() -> Iterator[Forks]:
    """Return the process of this worker that forks the real ``freqtrade``."""
    with Forks() as made:
        yield made


@pytest.fixture
def freqtrade(forks: Forks, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the real ``freqtrade`` in a folder outside the repository, in a
    fork of a process that has imported its libraries: half the time of a start.

    A test of the start itself, or of a command with workers of its own, takes
    :func:`started_freqtrade`.
    """

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return forks.run("freqtrade", arguments, tmp_path, timeout)

    return run


@pytest.fixture
def freqpilot(forks: Forks, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the ``freqpilot`` command as :func:`freqtrade` runs its own."""

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return forks.run("freqpilot.cli", arguments, tmp_path, timeout)

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


@pytest.fixture(scope="session")
def postgres_tables(postgres: Cluster) -> str:
    """Return the name of a database with the tables of this version: copied faster than made."""
    from freqpilot.store import open_store

    open_store(postgres.create("tables")).close()
    return "tables"


@pytest.fixture
def postgres_store(postgres: Cluster, postgres_tables: str) -> Iterator[str]:
    """Return the URL of a database with tables that hold nothing."""
    name = f"test_{next(_databases)}"
    yield postgres.create(name, postgres_tables)
    postgres.drop(name)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that holds nothing, of SQLite and of PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/freqpilot.sqlite"
    made: str = request.getfixturevalue("postgres_store")
    return made


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that asks for real data its mark, and those of a server one worker."""
    for item in items:
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realdata)
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("postgres"))
