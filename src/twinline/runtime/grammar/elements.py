"""XML as a small tree whose every part knows where it stood.

Comes in: text of unknown origin. Goes out: its root element, or a GrammarError with the line and the column. Nothing is
fetched, no entity but XML's own five is expanded, and a document type may be named but not written out.
"""

from collections.abc import Iterator
from xml.parsers import expat

import msgspec

from twinline.runtime.grammar.form import NESTING_LIMIT, GrammarError, Place

LENGTH_LIMIT = 524_288
"""Characters of one document: a list of 2,000 towns with a tag each has 150,000."""


class Text(msgspec.Struct, frozen=True):
    """A run of characters on one line."""

    text: str
    place: Place


class Element(msgspec.Struct, frozen=True):
    """An element. `name` has no namespace; `content` is its elements and text, in order."""

    name: str
    attributes: dict[str, str]
    content: "list[Element | Text]"
    place: Place

    @property
    def text(self) -> str:
        """All text right inside it."""
        return "".join(part.text for part in self.content if isinstance(part, Text))

    def elements(self) -> "Iterator[Element]":
        """The elements right inside it."""
        return (part for part in self.content if isinstance(part, Element))

    def place_at(self, offset: int) -> Place:
        """Where the character of `text` with this number (from 0) stands."""
        for part in self.content:
            if isinstance(part, Text):
                if offset < len(part.text):
                    return Place(part.place.line, part.place.column + offset)
                offset -= len(part.text)
        return self.place


def read_xml(text: str) -> Element:
    """The root element of a document. Raises GrammarError."""
    if len(text) > LENGTH_LIMIT:
        raise GrammarError(
            f"a grammar of {len(text):,} characters is too long", where="choices", mend=f"at most {LENGTH_LIMIT:,}"
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    document = text.lstrip("\ufeff \t\n\f\v")
    before = text[: len(text) - len(document)]
    return _Reading(before.count("\n"), len(before) - before.rfind("\n") - 1).read(document)


class _Reading:
    """One document while it is read; the first so many lines, and columns of the next, were not part of it."""

    def __init__(self, lines: int, columns: int) -> None:
        self._lines = lines
        self._columns = columns
        self._root: Element | None = None
        self._open: list[Element] = []
        # The encoding that the document names is that of the file it came from: this is text already.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._skipped

    def read(self, document: str) -> Element:
        try:
            self._parser.Parse(document.encode(), True)
        except expat.ExpatError as error:
            place = self._place(error.lineno, error.offset)
            what = expat.ErrorString(error.code)
            raise GrammarError(f"this is no XML ({what})", where=str(place), mend="close every element") from None
        except UnicodeEncodeError as error:
            line = document.count("\n", 0, error.start) + 1
            place = self._place(line, error.start - document.rfind("\n", 0, error.start) - 1)
            raise GrammarError(
                f"the character U+{ord(document[error.start]):04X} means nothing", where=str(place), mend="leave it out"
            ) from None
        assert self._root is not None, "a document without an element is not well-formed"
        return self._root

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        place = self._here()
        if len(self._open) >= NESTING_LIMIT:
            raise GrammarError("the elements are nested too deep", where=str(place), mend=f"at most {NESTING_LIMIT}")
        element = Element(name.rpartition(":")[2], attributes, [], place)
        if self._open:
            self._open[-1].content.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].content.append(Text(text, self._here()))

    def _doctype(self, _name: str, _system: str | None, _public: str | None, written: bool) -> None:
        if written:
            self._refuse("a document type of its own")

    def _entity(self, name: str, *_rest: object) -> None:
        self._refuse(f"the entity {name[:80]!r}")

    def _skipped(self, name: str, _parameter: bool) -> None:
        self._refuse(f"the entity {name[:80]!r}")

    def _refuse(self, what: str) -> None:
        raise GrammarError(f"{what} is not allowed", where=str(self._here()), mend="write the characters themselves")

    def _here(self) -> Place:
        return self._place(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber)

    def _place(self, line: int, column: int) -> Place:
        return Place(line + self._lines, column + 1 + (self._columns if line == 1 else 0))
