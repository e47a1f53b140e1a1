"""Copies of the project in which a fault is put into a file, so that the project's own files stay
as they are even where the run is killed."""

import ast
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path("plugins/freqpilot")
WORKER = "benchmarks/support/mutation_worker.py"
COMPILED = ("njit", "jit", "vectorize", "guvectorize", "overload")
"""Decorators of functions that Numba compiles."""
REACHED = '''"""Which functions were reached; a child process leaves a list of its own."""

import atexit
import os

SEEN = set()
FOLDER = os.environ.get("FREQPILOT_REACHED", "")


def taken():
    """Return what was reached since the last call, also by children that have ended."""
    found = set(SEEN)
    SEEN.clear()
    for name in os.listdir(FOLDER):
        with open(os.path.join(FOLDER, name)) as file:
            found.update(file.read().split("\\n"))
        os.unlink(os.path.join(FOLDER, name))
    return sorted(found - {""})


def leave():
    with open(os.path.join(FOLDER, str(os.getpid())), "w") as file:
        file.write("\\n".join(SEEN))


if FOLDER:
    atexit.register(leave)
'''


def default_work() -> Path:
    """Return the folder of copies and of what was learnt about tests, one for each checkout."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "freqpilot-mutation" / name


def library_sources() -> dict[str, str]:
    """Return the source of every module of the library by its path in the library."""
    folder = ROOT / LIBRARY
    files = sorted(folder.rglob("*.py"))
    return {str(f.relative_to(folder)): f.read_text(encoding="utf-8") for f in files}


def imports(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return which modules of the library each one imports, by path."""
    names = {_dotted(path): path for path in sources}
    found: dict[str, set[str]] = {}
    for path, source in sources.items():
        asked: set[str] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                asked |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
            elif isinstance(node, ast.Import):
                asked |= {each.name for each in node.names}
        found[path] = {names[name] for name in asked if name in names} - {path}
    return found


def _dotted(path: str) -> str:
    return ".".join(("freqpilot", *Path(path).with_suffix("").parts)).removesuffix(".__init__")


def importers(path: str, graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that come to load one, itself included."""
    found, waiting = {path}, [path]
    while waiting:
        name = waiting.pop()
        new = {each for each, asked in graph.items() if name in asked} - found
        found |= new
        waiting += new
    return found


class Copy:
    """A copy of the project and a process that runs tests in it."""

    def __init__(self, folder: Path, traced: bool = False) -> None:
        self.folder, self._traced = folder, traced
        self._process: subprocess.Popen[str] | None = None
        self._stamp = 1_000_000_000
        self._update()

    def _update(self) -> None:
        """Bring the copy to the state of the working tree."""
        self._mend()
        wanted = _project_files()
        for old in _files_below(self.folder) - wanted:
            (self.folder / old).unlink()
        for name in wanted:
            source, target = ROOT / name, self.folder / name
            if not target.exists() or not _alike(source, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        if self._traced:
            (self.folder / "plugins" / "freqpilot_reached.py").write_text(REACHED)
            (self.folder / "reached").mkdir(exist_ok=True)
            for file in (self.folder / LIBRARY).rglob("*.py"):
                _trace(file, str(file.relative_to(self.folder / LIBRARY)))

    def compile_from(self, other: "Copy | None") -> None:
        """Take what Numba compiled from another copy, or compile everything."""
        if other is None:
            subprocess.run(
                [sys.executable, "-c", "from freqpilot.features.warm import warm; warm()"],
                cwd=self.folder,
                env=os.environ | self.environment(),
                check=True,
            )
            return
        for file in (other.folder / LIBRARY).rglob("*.nb?"):
            target = self.folder / file.relative_to(other.folder)
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(file, target)

    def environment(self) -> dict[str, str]:
        """Return what processes need to find the copy instead of the project."""
        places = [self.folder / "plugins", self.folder, self.folder / "tests"]
        found = {"PYTHONPATH": ":".join(map(str, places)), "OMP_NUM_THREADS": "1"}
        if self._traced:
            found["FREQPILOT_REACHED"] = str(self.folder / "reached")
        return found

    def run(
        self, files: Sequence[str], tests: Sequence[str], limit: float, options: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return how tests end (``mutation_worker``)."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-u", str(self.folder / WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.folder,
                env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
                text=True,
            )
        request = {
            "folder": str(self.folder),
            "environment": self.environment(),
            "files": list(files),
            "tests": list(tests),
            "limit": limit,
            "options": list(options),
            "result": str(self.folder / "result.jsonl"),
            "log": str(self.folder / "tests.log"),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        while line := self._process.stdout.readline():
            if line.startswith("{"):  # libraries may print while they are loaded
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SystemExit("the process that runs tests has ended; see above")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    @contextlib.contextmanager
    def changed(self, path: str, source: str, graph: dict[str, set[str]]) -> Iterator[None]:
        """Put a source into a module of the library for a while.

        What Numba compiled of the module and of those that load it is put aside where the module
        has a compiled function: their own files are as they were, so it would still be used.
        """
        file = self.folder / LIBRARY / path
        before, times = file.read_bytes(), file.stat()
        stale = importers(path, graph) if is_compiled(source) else set()
        try:
            self._marker.write_text(json.dumps(sorted(stale)), encoding="utf-8")
            for each in (each for name in stale for each in self._compiled(name)):
                each.rename(each.with_name(f"{each.name}.aside"))
            file.write_text(source, encoding="utf-8")
            self._stamp += 10  # what is kept of a file goes by its time and size
            os.utime(file, (self._stamp, self._stamp))
            yield
        finally:
            file.write_bytes(before)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
            self._mend()

    @property
    def _marker(self) -> Path:
        return self.folder / "changed.json"

    def _mend(self) -> None:
        """Put back what Numba had compiled before a change, also after one that was killed."""
        if not self._marker.exists():
            return
        for name in json.loads(self._marker.read_text(encoding="utf-8")):
            for each in self._compiled(name):
                each.unlink()
            pycache = (self.folder / LIBRARY / name).parent / "__pycache__"
            for each in pycache.glob(f"{Path(name).stem}.*.aside"):
                each.rename(each.with_name(each.name.removesuffix(".aside")))
        self._marker.unlink()

    def _compiled(self, path: str) -> list[Path]:
        file = self.folder / LIBRARY / path
        return sorted((file.parent / "__pycache__").glob(f"{file.stem}.*.nb?"))


def is_compiled(source: str) -> bool:
    """Tell whether Numba compiles a function of a module."""
    return any(is_compiled_function(node) for _, node in functions(ast.parse(source)))


def is_compiled_function(node: ast.FunctionDef) -> bool:
    """Tell whether Numba compiles a function."""
    texts = [ast.unparse(each).split("(")[0].split(".")[-1] for each in node.decorator_list]
    return any(text in COMPILED for text in texts)


def _project_files() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


def _files_below(folder: Path) -> set[str]:
    if not (folder / "plugins").exists():
        return set()
    found = {
        file.relative_to(folder)
        for top in ("plugins", "tests", "benchmarks")
        for file in (folder / top).rglob("*.py")
    }
    return {str(file) for file in found} - {"plugins/freqpilot_reached.py"}


def _alike(source: Path, target: Path) -> bool:
    one, two = source.stat(), target.stat()
    return (one.st_mtime_ns, one.st_size) == (two.st_mtime_ns, two.st_size)


def _trace(file: Path, path: str) -> None:
    """Let every function of a module that Numba does not compile say that it was reached."""
    stat = file.stat()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    chosen = [(name, node) for name, node in functions(tree) if not is_compiled_function(node)]
    for name, node in chosen:
        first = 1 if ast.get_docstring(node, clean=False) is not None else 0
        note = ast.parse(f"_reached_({f'{path}:{name}'!r})").body
        node.body[first:first] = note
    at = 0
    for place, statement in enumerate(tree.body):
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if is_text or getattr(statement, "module", "") == "__future__":
            at = place + 1
        else:
            break
    head = "import freqpilot_reached as _r\n_reached_ = _r.SEEN.add"
    tree.body[at:at] = ast.parse(head).body
    file.write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def functions(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function of a tree by its qualified name."""
    for node in ast.iter_child_nodes(tree):
        name = outer
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{outer}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node  # type: ignore[misc]
        yield from functions(node, name)
