"""Grammars in the XML form of SRGS, the W3C's Speech Recognition Grammar Specification (GRXML).

Comes in: text that begins with `<`. Goes out: its form, which begins with the root rule, or a GrammarError with the
line and the column. Rules of other documents are not fetched. Where documents in the field differ from the letter,
the sloppy one is understood: without `mode`, keys count as well as speech; without `root`, the first public rule
begins; without `tag-format`, a tag that is no script is its own value.
"""

import re
from collections.abc import Iterator
from math import isfinite

from twinline.runtime.grammar.elements import Element, Text, read_xml
from twinline.runtime.grammar.form import (
    ANYTHING,
    NULL,
    REPEAT_LIMIT,
    VOID,
    Expansion,
    Form,
    GrammarError,
    Mode,
    OneOf,
    Option,
    Reference,
    Repeat,
    Script,
    Words,
    sequence,
)
from twinline.runtime.grammar.tags import TagError, literal_script, read_script

_MODES = {"voice": Mode.SPEECH, "dtmf": Mode.KEYS}
_KEY_NAMES = {"star": "*", "pound": "#", "hash": "#"}
_SPECIAL_RULES: dict[str, Expansion] = {"NULL": NULL, "VOID": VOID, "GARBAGE": Repeat(ANYTHING, 0, 1)}
_WITHOUT_EFFECT = frozenset({"example", "meta", "metadata", "lexicon"})
_TIMES = re.compile(r"\s*(?P<least>[0-9]{1,9})\s*(?P<range>-\s*(?P<most>[0-9]{1,9})?\s*)?", re.ASCII)


def read_srgs(text: str) -> Form:
    """The form of an SRGS document. Raises GrammarError when it is none, or too long."""
    grammar = read_xml(text)
    if grammar.name != "grammar":
        raise _mistake(f"<{grammar.name[:80]}> is no grammar", grammar, "begin with <grammar>")
    mode = grammar.attributes.get("mode")
    if mode is not None and mode not in _MODES:
        raise _mistake(f"there is no mode {mode[:80]!r}", grammar, "it is `voice` or `dtmf`")
    return _Reading(grammar, _MODES[mode] if mode is not None else None).form()


class _Reading:
    """One grammar while it is read."""

    def __init__(self, grammar: Element, mode: Mode | None) -> None:
        self._grammar = grammar
        self._mode = mode
        self._tag_format = grammar.attributes.get("tag-format", "").strip()

    def form(self) -> Form:
        rules: dict[str, Expansion] = {}
        public: list[str] = []
        for element in self._grammar.elements():
            if element.name == "rule":
                name = element.attributes.get("id", "")
                if not name:
                    raise _mistake("a rule has no id", element, 'write it as in <rule id="city">')
                if name in rules:
                    raise _mistake(f"there is a rule {name[:80]!r} already", element, "give it another id")
                rules[name] = self._content(element)
                if element.attributes.get("scope") == "public":
                    public.append(name)
            elif element.name != "tag" and element.name not in _WITHOUT_EFFECT:
                raise _unexpected(element)
        if not rules:
            raise _mistake("there is no rule in it", self._grammar, "write at least one <rule>")
        root = self._grammar.attributes.get("root") or next(iter([*public, *rules]))
        return Form((Option(None, (Reference(root, self._grammar.place),)),), rules, self._mode)

    def _content(self, element: Element) -> Expansion:
        return sequence(self._parts(element))

    def _parts(self, element: Element) -> Iterator[Expansion]:
        """What stands in a rule or an item, in order. Text on several lines is still one text."""
        waiting: list[str] = []
        for part in element.content:
            if isinstance(part, Text):
                waiting.append(part.text)
                continue
            yield from self._words("".join(waiting))
            waiting.clear()
            if part.name not in _WITHOUT_EFFECT:
                yield self._expansion(part)
        yield from self._words("".join(waiting))

    def _words(self, text: str) -> Iterator[Words]:
        # Quotes hold the words of one token together; what is matched is the same words.
        words = text.replace('"', " ").split()
        if self._mode is Mode.KEYS:
            words = [_KEY_NAMES.get(word.lower(), word) for word in words]
        if words:
            yield Words(" ".join(words))

    def _expansion(self, element: Element) -> Expansion:
        match element.name:
            case "item":
                return self._item(element)
            case "one-of":
                return self._one_of(element)
            case "ruleref":
                return _reference(element)
            case "tag":
                return self._tag(element)
            case "token":
                return sequence(self._words(element.text))
            case _:
                raise _unexpected(element)

    def _item(self, element: Element) -> Expansion:
        content = self._content(element)
        times = element.attributes.get("repeat")
        if times is None:
            return content
        found = _TIMES.fullmatch(times)
        if found is None:
            raise _mistake(f"{times[:20]!r} is no number of times", element, 'write it as in repeat="0-1"')
        least = int(found["least"])
        most = int(found["most"]) if found["most"] else None if found["range"] else least
        if least > REPEAT_LIMIT or (most or 0) > REPEAT_LIMIT:
            raise _mistake(f"{times[:20]} times are too many", element, f"at most {REPEAT_LIMIT}, or none: `1-`")
        if most is not None and most < least:
            raise _mistake(f"the range {times[:20]} runs backwards", element, f'write repeat="{most}-{least}"')
        return Repeat(content, least, most)

    def _one_of(self, element: Element) -> Expansion:
        parts: list[Expansion] = []
        weights: list[float] = []
        weighted = False
        for part in element.content:
            if isinstance(part, Text):
                if part.text.strip():
                    raise GrammarError(
                        f"{part.text.strip()[:20]!r} stands between items",
                        where=str(part.place),
                        mend="put it in an <item>",
                    )
            elif part.name == "item":
                parts.append(self._item(part))
                weights.append(_weight(part))
                weighted |= "weight" in part.attributes
            elif part.name not in _WITHOUT_EFFECT:
                raise _unexpected(part)
        if not parts:
            raise _mistake("<one-of> has nothing to choose from", element, "write at least one <item>")
        return parts[0] if len(parts) == 1 else OneOf(tuple(parts), tuple(weights) if weighted else ())

    def _tag(self, element: Element) -> Script:
        text = element.text
        if "literal" in self._tag_format:
            return literal_script(text.strip())
        try:
            return read_script(text)
        except TagError as error:
            if not self._tag_format.startswith("semantics/"):
                return literal_script(" ".join(text.split()))
            raise GrammarError(
                str(error),
                where=str(element.place_at(error.at)),
                mend='write tags as in out.city = rules.town; or set tag-format="semantics/1.0-literals"',
            ) from None


def _reference(element: Element) -> Expansion:
    special, uri = element.attributes.get("special"), element.attributes.get("uri", "").strip()
    if special is not None:
        if special not in _SPECIAL_RULES:
            raise _mistake(f"there is no special rule {special[:80]!r}", element, "NULL, VOID and GARBAGE there are")
        return _SPECIAL_RULES[special]
    if not uri.startswith("#") or len(uri) == 1:
        what = f"the rule {uri[:80]!r} would have to be fetched" if len(uri) > 1 else "the rule is not named"
        raise _mistake(what, element, 'name a rule of this grammar, as in uri="#city"')
    return Reference(uri[1:], element.place)


def _weight(element: Element) -> float:
    written = element.attributes.get("weight", "1")
    try:
        weight = float(written)
    except ValueError:
        weight = -1.0
    if weight < 0 or not isfinite(weight):
        raise _mistake(f"{written[:20]!r} is no weight", element, 'write it as in weight="0.5"')
    return weight


def _unexpected(element: Element) -> GrammarError:
    return _mistake(
        f"<{element.name[:80]}> does not belong here", element, "a rule has item, one-of, ruleref, token and tag"
    )


def _mistake(what: str, element: Element, mend: str) -> GrammarError:
    return GrammarError(what, where=str(element.place), mend=mend)
