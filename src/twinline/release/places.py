"""Where in a TOML text a value stands: `tomllib` gives values without lines, and an error without its line is half one.

Comes in: the text, and the path of a value (`("changes", 1, "kind")`). Goes out: its line, from 1.
"""

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*\[(?P<array>\[?)(?P<name>[^\[\]]+)\]")
_KEY = re.compile(r"""\s*(?P<name>(?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s.]+))\s*\.?""")


def line_of(text: str, path: Path, near: str = "") -> int:
    """The line of the value at `path`, or of the closest thing around it.

    With `near`, the first line from there on that holds this text: an item of an array has no key of its own.
    """
    lines = text.splitlines()
    known = _places(lines)
    while path and path not in known:
        path = path[:-1]
    line = known.get(path, 1)
    if near:
        line = next((number for number in range(line, len(lines) + 1) if near in lines[number - 1]), line)
    return line


def _places(lines: list[str]) -> dict[Path, int]:
    places: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    open_quote = ""
    for number, line in enumerate(lines, 1):
        if open_quote:
            if open_quote in line:
                open_quote = ""
            continue
        if header := _HEADER.match(line):
            table = _parts(header["name"])
            if header["array"]:
                places.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            places.setdefault((*table, *_parts(key["name"])), number)
        open_quote = next((quote for quote in ('"""', "'''") if line.count(quote) % 2), "")
    return places


def _parts(name: str) -> Path:
    return tuple("".join(groups) for groups in _PART.findall(name))
