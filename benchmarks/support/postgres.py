"""A private PostgreSQL server for tests and benchmarks, from the distribution's packages.

It listens on a Unix socket in a folder of its own, keeps nothing through a power cut and ends with
the process that began it.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError

MISSING = (
    "PostgreSQL's server is not on this machine: install the package postgresql "
    "(apt-get install postgresql), or name the folder of initdb as FREQPILOT_POSTGRES_BIN"
)
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
"""Where Debian, Red Hat and Homebrew keep it: not on the PATH."""
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""
OWNER = "freqpilot"
START = 60.0
FAST = {"fsync": "off", "full_page_writes": "off"}
DURABLE: dict[str, str] = {}
"""The server's own defaults."""


class NoServer(Exception):
    """There is no server to start; the message names the package."""


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    folder: Path

    def url(self, database: str = "postgres", user: str = OWNER) -> str:
        """Return a database's URL as a user writes it."""
        made = URL.create("postgresql", user, database=database, query={"host": str(self.folder)})
        return made.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside a transaction, as the owner of all."""
        engine = create_engine(self.url(database).replace("postgresql:", "postgresql+psycopg:", 1))
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database, empty or as ``template`` is, and return its URL."""
        # Copying files is faster than logging each page where nothing must survive.
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE {template} STRATEGY file_copy')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def server_folder() -> Path:
    """Return the folder of the newest server's programs.

    :raises NoServer: when there is none.
    """
    if named := os.environ.get("FREQPILOT_POSTGRES_BIN"):
        found = [Path(named)]
    else:
        found = [each for place in PLACES for each in Path("/").glob(place.lstrip("/"))]
        if on_path := shutil.which("initdb"):
            found.append(Path(on_path).parent)
    usable = [each for each in found if (each / "initdb").exists() and (each / "postgres").exists()]
    if not usable:
        raise NoServer(MISSING)
    return max(usable, key=lambda each: [int(part) for part in re.findall(r"\d+", str(each))])


@contextmanager
def cluster(settings: dict[str, str] | None = None) -> Iterator[Cluster]:
    """Start a server with an empty cluster, and remove it at the end.

    :param settings: of the server, in place of those of :data:`FAST`.
    :raises NoServer: when there is none to start, or it does not come up.
    """
    programs = server_folder()
    folder = Path(tempfile.mkdtemp(prefix="freqpilot-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        data = folder / "data"
        make = ["initdb", "-D", str(data), "-U", OWNER, "-A", "trust", "--no-sync"]
        make = [*_lowered(), str(programs / make[0]), *make[1:], "-E", "UTF8", "--locale=C"]
        done = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoServer(f"initdb failed: {done.stderr.strip()}")
        with _running(programs, folder, FAST if settings is None else settings):
            yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs: Path, folder: Path, settings: dict[str, str]) -> Iterator[None]:
    told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*_lowered(dies_with_us=True), *command, "-c", "listen_addresses=", *told],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(server, Cluster(folder), log)
        yield
    finally:
        server.terminate() if server.poll() is not None else server.send_signal(3)  # SIGQUIT
        server.wait(START)


def _wait(server: "subprocess.Popen[bytes]", made: Cluster, log: Path) -> None:
    end = time.monotonic() + START
    while True:
        try:
            made.execute("SELECT 1")
            return
        except OperationalError as error:
            if server.poll() is not None or time.monotonic() > end:
                raise NoServer(f"postgres did not come up: {log.read_text()}") from error
        time.sleep(0.05)


def _lowered(*, dies_with_us: bool = False) -> list[str]:
    """Return what a command begins with so that it runs without root's rights."""
    if shutil.which("setpriv") is None:
        if os.geteuid() == 0:
            raise NoServer("PostgreSQL refuses to run as root: install the package util-linux")
        return []
    words = ["setpriv"]
    if os.geteuid() == 0:
        words += ["--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups"]
    if dies_with_us:
        words += ["--pdeathsig", "QUIT"]
    return words if len(words) > 1 else []
