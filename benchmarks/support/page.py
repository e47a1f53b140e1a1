"""Sections of Markdown pages that benchmarks write."""

from pathlib import Path


def write_section(file: Path, section: str) -> None:
    """Put a section in place of the one between the same markers, or at the end of the page.

    :param section: Markdown whose first and last line are its markers.
    """
    lines = section.strip().splitlines()
    begin, end = lines[0], lines[-1]
    text = file.read_text(encoding="utf-8") if file.is_file() else "# Results\n"
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        after = rest.split(end, 1)[1].removeprefix("\n")
    else:
        before, after = text.rstrip("\n") + "\n\n", ""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(before + section + after, encoding="utf-8")
