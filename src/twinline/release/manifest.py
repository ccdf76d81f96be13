"""The build manifest: what a person asks a build to be (`docs/build-manifest.md`).

Comes in: the text of a `build.toml`. Goes out: a frozen `Manifest`, or a `Mistake` that names the line and the nearest
thing that would have been right. Nothing is read but the text.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import NoReturn

import msgspec

from twinline.model.builds import Change, ChangeKind, ComponentName
from twinline.model.errors import Mistake
from twinline.release.places import line_of

MANIFEST_LIMIT = 64 * 1024
"""Bytes of a manifest. The longest hand-written Cargo.toml of the rust repository is a third of it."""

TEXT_LIMIT = 1_000
"""Characters of one change: a sentence or a few, not a page."""

OLDEST_RUNTIME_PYTHON = (3, 11)
"""What our own wheel needs; hosted scripts may run on older ones."""

RESERVED = frozenset({ComponentName.RUBY, ComponentName.PHP, ComponentName.SYNTHESIS, ComponentName.RECOGNITION})
"""Components that a build cannot have yet. Their names are kept free for them."""

_PYTHON_VERSION = re.compile(r"3\.\d{1,3}(\.\d{1,3})?")
_EXACT_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}")
_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9.!+_-]+")
_TOML_PLACE = re.compile(r"\s*\(at line (\d+), column (\d+)\)|\s*\(at end of document\)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class RuntimePart(msgspec.Struct, frozen=True):
    """Our own part: the Python it runs on, and the wheel's absolute path (empty: the platform's own wheel)."""

    python: str
    wheel: str = ""


class PythonPart(msgspec.Struct, frozen=True):
    """Python for hosted scripts: `3.11` or `3.11.7`, and packages such as `requests==2.32.3`."""

    version: str
    packages: tuple[str, ...] = ()


class JavaScriptPart(msgspec.Struct, frozen=True):
    """Node.js for hosted scripts: an exact version."""

    version: str


class Manifest(msgspec.Struct, frozen=True):
    """A manifest that holds together. `text` is what the person wrote, byte for byte."""

    text: str
    runtime: RuntimePart
    python: PythonPart
    javascript: JavaScriptPart | None
    changes: tuple[Change, ...]

    def place(self, *path: str | int, near: str = "") -> str:
        """Where a value stands, for the errors that only show when the build is made."""
        return _place(self.text, path, near)


def parse(text: str) -> Manifest:
    """Read a manifest. Raises Mistake, with the line, for anything it does not understand."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Mistake("a manifest is UTF-8 text", where="build.toml") from error
    if size > MANIFEST_LIMIT:
        raise Mistake(
            f"the manifest has {size} bytes", where="build.toml", mend=f"at most {MANIFEST_LIMIT} are read as one"
        )
    root = _Table(text, (), _load(text))
    root.allow({"runtime", "python", "javascript", "changes"}, what="component", reserved=RESERVED)
    python = _python(root)
    javascript = root.table("javascript")
    return Manifest(
        text=text,
        runtime=_runtime(root, python.version),
        python=python,
        javascript=_javascript(javascript) if javascript else None,
        changes=tuple(_change(item) for item in root.tables("changes")),
    )


class _Table:
    """One table of the manifest, and where it stands."""

    def __init__(self, text: str, path: tuple[str | int, ...], values: Mapping[str, object]) -> None:
        self.text, self.path, self.values = text, path, values

    def wrong(self, what: str, *path: str | int, mend: str = "", near: str = "") -> NoReturn:
        raise Mistake(what, where=_place(self.text, (*self.path, *path), near), mend=mend)

    def allow(self, keys: Collection[str], *, what: str, reserved: Collection[str] = ()) -> None:
        for key in self.values:
            if key in reserved:
                self.wrong(f"{key} is not yet part of a build", key, mend="leave it out")
            if key not in keys:
                self.wrong(f"unknown {what} {key!r}", key, mend=_nearest(key, keys))

    def table(self, key: str) -> "_Table | None":
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(f"{key} must be a table", key, mend=f"[{key}]")
        return _Table(self.text, (*self.path, key), value)

    def tables(self, key: str) -> list["_Table"]:
        items = self.values.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self.wrong(f"{key} must be a list of tables", key, mend=f"[[{key}]]")
        return [_Table(self.text, (*self.path, key, index), item) for index, item in enumerate(items)]

    def string(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            self.wrong(f"{key} is missing", mend=f'{key} = "…"')
        if not isinstance(value, str):
            self.wrong(f"{key} must be a string", key, mend=f'{key} = "…"')
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        items = self.values.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self.wrong(f"{key} must be a list of strings", key, mend=f'{key} = ["…"]')
        return tuple(items)


def _load(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise Mistake("nested too deeply", where="build.toml") from error
    except ValueError as error:
        found = _TOML_PLACE.search(str(error))
        line = found[1] if found and found[1] else str(max(1, len(text.splitlines())))
        raise Mistake(
            f"no TOML: {_TOML_PLACE.sub('', str(error))}", where=f"build.toml, line {line}", mend="see https://toml.io"
        ) from error


def _runtime(root: _Table, python: str) -> RuntimePart:
    table = root.table("runtime") or _Table(root.text, ("runtime",), {})
    table.allow({"wheel", "python"}, what="key of [runtime]")
    wheel = table.string("wheel", "")
    if wheel and not (wheel.startswith("/") and wheel.endswith(".whl")):
        table.wrong(
            f"{wheel!r} is no absolute path of a wheel", "wheel", mend="such as /srv/twinline-0.1.0-py3-none-any.whl"
        )
    own = _python_version(table, "python", python)
    if tuple(int(part) for part in own.split(".")[:2]) < OLDEST_RUNTIME_PYTHON:
        oldest = ".".join(map(str, OLDEST_RUNTIME_PYTHON))
        root.wrong(
            f"the runtime itself needs Python {oldest} or newer, not {own}",
            *(("runtime", "python") if "python" in table.values else ("python", "version")),
            mend=f'say [runtime] python = "{oldest}" and keep the older one for scripts',
        )
    return RuntimePart(python=own, wheel=wheel)


def _python(root: _Table) -> PythonPart:
    table = root.table("python")
    if table is None:
        raise Mistake("the component python is missing", where="build.toml", mend='[python] version = "3.11"')
    table.allow({"version", "packages"}, what="key of [python]")
    packages = table.strings("packages")
    names: set[str] = set()
    for package in packages:
        exact = _PACKAGE.fullmatch(package)
        if exact is None:
            table.wrong(
                f"{package!r} is no exact version of a package",
                "packages",
                mend="such as requests==2.32.3",
                near=package,
            )
        name = re.sub(r"[-_.]+", "-", exact["name"]).lower()
        if name in names:
            table.wrong(f"the package {name} is listed twice", "packages", near=package)
        names.add(name)
    return PythonPart(_python_version(table, "version", None), packages)


def _python_version(table: _Table, key: str, default: str | None) -> str:
    version = table.string(key, default)
    if not _PYTHON_VERSION.fullmatch(version):
        table.wrong(f"{version!r} is no version of Python", key, mend="such as 3.11 or 3.11.7")
    return version


def _javascript(table: _Table) -> JavaScriptPart:
    table.allow({"version"}, what="key of [javascript]")
    version = table.string("version")
    if not _EXACT_VERSION.fullmatch(version):
        table.wrong(f"{version!r} is no exact version of Node.js", "version", mend="such as 22.20.0")
    return JavaScriptPart(version)


def _change(table: _Table) -> Change:
    table.allow({"component", "kind", "text"}, what="key of [[changes]]")
    text = table.string("text").strip()
    if not text or len(text) > TEXT_LIMIT or _CONTROL.search(text):
        table.wrong(f"text must be one line of 1 to {TEXT_LIMIT} characters", "text")
    name, kind = table.string("component"), table.string("kind")
    if name in RESERVED:
        table.wrong(f"{name} is not yet part of a build", "component")
    components = [component.value for component in ComponentName if component not in RESERVED]
    if name not in components:
        table.wrong(f"unknown component {name!r}", "component", mend=_nearest(name, components))
    if kind not in [known.value for known in ChangeKind]:
        table.wrong(f"unknown kind {kind!r}", "kind", mend=_nearest(kind, [known.value for known in ChangeKind]))
    return Change(ComponentName(name), ChangeKind(kind), text)


def _place(text: str, path: tuple[str | int, ...], near: str = "") -> str:
    return f"build.toml, line {line_of(text, path, near)}"


def _nearest(name: str, known: Collection[str]) -> str:
    ordered = sorted(known)
    return f"did you mean {get_close_matches(name, ordered, 1, 0)[0]!r}? Known: {', '.join(ordered)}"
