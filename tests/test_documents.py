"""Every link of the documents leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
RULES = ROOT / "docs" / "invariants.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(file: Path) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(file: Path) -> set[str]:
    """Return what a link may name behind ``#``, as GitHub makes it of headings."""
    titles = re.findall(r"^#+ (.+?)\s*$", prose(file), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_leads_somewhere(file: Path) -> None:
    lost = []
    for target in LINK.findall(prose(file)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = (file.parent / path).resolve() if path else file
        if not to.exists() or (anchor and anchor not in anchors(to)):
            lost.append(target)
    assert not lost, f"{file.name} has links that lead nowhere: {', '.join(lost)}"


def test_every_guide_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for target in LINK.findall(prose(file)):
            path = target.partition("#")[0]
            if path.endswith(".md") and not re.match(r"[a-z]+:", path):
                waiting.append((file.parent / path).resolve())
    assert {file.name for file in DOCUMENTS} <= {file.name for file in seen}


def test_each_rule_of_the_money_path_has_its_number_and_its_tests() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", prose(RULES), flags=re.M)
    assert [int(number) for number, *_ in rows] == [*range(1, len(rows) + 1)]
    for number, rule, tests, _ in rows:
        named = re.findall(r"\[`(\w+)`\]\(([^)]+)\)", tests)
        assert named, f"rule {number} has no test: {rule}"
        for name, path in named:
            text = (RULES.parent / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"rule {number}: {path} has no {name}"


def test_what_sessions_watch_is_among_the_rules() -> None:
    source = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "plugins").rglob("rehearsal/**/*.py")
    )
    watched = set(re.findall(r'(?:Breach|_judge)\(\s*"([a-z ]+)"', source))
    cells = re.findall(r"^\| \d+ \|.*\| (.*?) ?\|$", prose(RULES), flags=re.M)
    assert watched
    assert {name for cell in cells for name in cell.split(", ") if name} == watched
