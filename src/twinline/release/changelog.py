"""The changelog: one list of announcements as an Atom feed, a page, and text for a terminal.

Comes in: changelog entries of the model. Goes out: documents. Nothing is read or written.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from textwrap import fill
from typing import NamedTuple
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from twinline.model.builds import Change, ChangeKind
from twinline.model.release import ChangelogEntry
from twinline.release.words import moment

AUTHORITY = "twinline.local"
"""Whom the feed's identifiers are minted by (RFC 4151). It must not change with the address the platform is at, or feed
readers would show every entry again."""

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTH = 100


class Section(NamedTuple):
    """The changes of one kind."""

    kind: ChangeKind
    changes: tuple[Change, ...]


def sections(entry: ChangelogEntry) -> list[Section]:
    """An entry's changes by kind, in the order Keep a Changelog lists them."""
    order = list(ChangeKind)
    changes = sorted(entry.changes, key=lambda change: order.index(change.kind))
    return [Section(kind, tuple(found)) for kind, found in groupby(changes, key=lambda change: change.kind)]


def feed(entries: Sequence[ChangelogEntry], *, site: str, authority: str = AUTHORITY) -> bytes:
    """The entries as an Atom 1.0 feed (RFC 4287), newest first. `site` is the platform's public address."""
    site = site.rstrip("/")
    ordered = _newest_first(entries)
    root = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(root, "id", f"tag:{authority},2026:changelog")
    _add(root, "title", "Twinline platform builds")
    _add(root, "updated", _timestamp(ordered[0].at if ordered else 0.0))
    _add(_add(root, "author"), "name", "Twinline")
    _add(root, "link", rel="self", type="application/atom+xml", href=f"{site}/changelog.atom")
    _add(root, "link", rel="alternate", type="text/html", href=f"{site}/changelog")
    for entry in ordered:
        _add_entry(root, entry, site, authority)
    ElementTree.register_namespace("", _ATOM)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def page(entries: Sequence[ChangelogEntry], *, feed_address: str = "/changelog.atom") -> str:
    """The entries as one HTML page that needs nothing else."""
    return _template("changelog.html").render(
        entries=_newest_first(entries), sections=sections, timestamp=_timestamp, moment=moment, feed=feed_address
    )


def text(entries: Sequence[ChangelogEntry]) -> str:
    """The entries as plain text for a terminal."""
    return "\n\n".join(_as_text(entry) for entry in _newest_first(entries)) + "\n" if entries else ""


def _add_entry(root: ElementTree.Element, entry: ChangelogEntry, site: str, authority: str) -> None:
    node = _add(root, "entry")
    day = datetime.fromtimestamp(entry.at, UTC).date().isoformat()
    _add(node, "id", f"tag:{authority},{day}:changelog/{entry.id}")
    _add(node, "title", entry.title)
    _add(node, "updated", _timestamp(entry.at))
    _add(node, "published", _timestamp(entry.at))
    _add(node, "link", rel="alternate", type="text/html", href=f"{site}/changelog#entry-{entry.id}")
    _add(node, "category", term=entry.kind)
    _add(node, "category", term=entry.significance.value)
    _add(node, "content", _template("entry.html").render(entry=entry, sections=sections), type="html")


def _add(parent: ElementTree.Element, tag: str, content: str = "", **attributes: str) -> ElementTree.Element:
    node = ElementTree.SubElement(parent, f"{{{_ATOM}}}{tag}", {key: _clean(it) for key, it in attributes.items()})
    node.text = _clean(content) or None
    return node


def _as_text(entry: ChangelogEntry) -> str:
    lines = [f"{_clean(entry.title)}  ({entry.significance}, {moment(entry.at)})"]
    if entry.text:
        lines.append(_wrapped(entry.text, "  "))
    for section in sections(entry):
        lines.append(f"  {section.kind.value.capitalize()}")
        lines.extend(_wrapped(f"{change.component}: {change.text}", "    - ") for change in section.changes)
    return "\n".join(lines)


def _wrapped(content: str, lead: str) -> str:
    return fill(_clean(content), _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


def _newest_first(entries: Sequence[ChangelogEntry]) -> list[ChangelogEntry]:
    return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


def _clean(content: str) -> str:
    """People type reasons. XML cannot hold a control character, not even escaped, and a terminal would obey it."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", content)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("twinline.release"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
