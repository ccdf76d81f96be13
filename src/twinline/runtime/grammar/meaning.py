"""What an answer means, from the way it took through a grammar.

Comes in: the steps of that way. Goes out: the words as the grammar has them, the concept of the option, and the
value of the tags. A rule's value is what its own scripts computed; without any, that of the last rule in it;
without one, its words, as the W3C's Semantic Interpretation says. Labels, which are JSGF's tags, are joined in
order.
"""

from collections.abc import Iterable

import msgspec

from twinline.runtime.grammar.form import Assign, Construct, Label, Property, Script, Sum

VALUE_LIMIT = 10_000
"""Characters of a value, names included: as many as a message may have. A script that doubles its text meets it."""

VALUE_DEPTH_LIMIT = 32
"""Objects inside one another in a value."""

_SINGLE_KEYS = frozenset("0123456789*#")


class Said(msgspec.Struct, frozen=True):
    """Words of the grammar that matched, or digits."""

    text: str


class Concept(msgspec.Struct, frozen=True):
    """The answer belongs to an option of this name."""

    name: str


class Enter(msgspec.Struct, frozen=True):
    """A rule begins."""


class Leave(msgspec.Struct, frozen=True):
    """The rule that was entered last ends."""

    rule: str


Step = Said | Concept | Enter | Leave | Label | Script


class Meaning(msgspec.Struct, frozen=True):
    """`concept`: the option's name, if it has one; `words`: as the grammar has them; `tag`: the tags' value, if any."""

    concept: str | None
    words: str
    tag: str | None


class Unbounded(Exception):
    """The scripts of a grammar make a value beyond the limits."""


class Thing(msgspec.Struct, frozen=True):
    """An object of a script. `weight` (characters) and `depth` keep a value that is shared from growing unseen."""

    properties: dict[str, "Value"]
    weight: int
    depth: int


Value = str | float | bool | Thing | None
"""What a script computes with. None is ECMAScript's undefined."""

_EMPTY = Thing({}, 0, 1)


class _Frame:
    """One rule while its steps are taken."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.out: Value = _EMPTY
        self.scripted = False
        self.rules: dict[str, Value] = {}
        self.latest: Value = None
        self.names: dict[str, Value] = {}

    @property
    def value(self) -> Value:
        if self.scripted:
            return self.out
        return self.latest if self.rules else joined(self.said)


def understood(steps: Iterable[Step] | None) -> Meaning | None:
    """What the steps mean; None when there are none, or when a script's value grows over the limits."""
    if steps is None:
        return None
    try:
        return meaning(steps)
    except Unbounded:
        return None


def meaning(steps: Iterable[Step]) -> Meaning:
    """What the steps mean. Raises Unbounded when a script's value grows over the limits."""
    frames = [_Frame()]
    labels: list[str] = []
    concept: str | None = None
    scripted = False
    for step in steps:
        frame = frames[-1]
        match step:
            case Said(text):
                # In rules it makes no difference how words were put together; an option of a list is told as it stands.
                frame.said += text.split() if len(frames) > 1 else [text]
            case Concept(name):
                concept = name
            case Label(text):
                labels.append(text)
            case Script():
                scripted = True
                _perform(step, frame)
            case Enter():
                frames.append(_Frame())
            case Leave(rule):
                ended = frames.pop()
                frames[-1].said += ended.said
                frames[-1].latest = frames[-1].rules[rule] = ended.value
    tag = " ".join(labels) if labels else written(frames[0].value) if scripted else None
    return Meaning(concept, joined(frames[0].said), tag)


def joined(said: list[str]) -> str:
    """Words with spaces between them; keys without."""
    return ("" if all(text in _SINGLE_KEYS for text in said) else " ").join(said)


def written(value: Value) -> str:
    """A value as a script of an application gets it. An object of one property is that; any other is JSON."""
    if isinstance(value, Thing):
        if len(value.properties) == 1:
            return written(next(iter(value.properties.values())))
        return msgspec.json.encode(_plain(value)).decode()
    return _text(value) if value is not None else ""


def _plain(value: Value) -> object:
    if isinstance(value, Thing):
        return {name: _plain(inner) for name, inner in value.properties.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _perform(script: Script, frame: _Frame) -> None:
    frame.scripted = True
    for statement in script.statements:
        value = _sum(statement.value, frame)
        if statement.adds:
            value = _added(_get(statement.target, frame), value)
        _assign(statement, value, frame)


def _assign(statement: Assign, value: Value, frame: _Frame) -> None:
    root, *path = statement.target
    if root in ("out", "$"):
        frame.out = _put(frame.out, path, value)
    else:
        frame.names[root] = _put(frame.names.get(root), path, value)


def _put(whole: Value, path: list[str], value: Value) -> Value:
    """The whole with a value put at a path in it; what is no object on the way becomes one, so that nothing is lost."""
    if not path:
        return value
    properties = dict(whole.properties) if isinstance(whole, Thing) else {}
    properties[path[0]] = _put(properties.get(path[0]), path[1:], value)
    return _thing(properties)


def _thing(properties: dict[str, Value]) -> Thing:
    weight = sum(len(name) + _weight(value) for name, value in properties.items())
    depth = 1 + max((value.depth for value in properties.values() if isinstance(value, Thing)), default=0)
    if weight > VALUE_LIMIT or depth > VALUE_DEPTH_LIMIT:
        raise Unbounded
    return Thing(properties, weight, depth)


def _weight(value: Value) -> int:
    match value:
        case Thing():
            return value.weight
        case str():
            return len(value)
        case _:
            return 1


def _sum(total: Sum, frame: _Frame) -> Value:
    first, *others = total.terms
    value = _term(first, frame)
    for other in others:
        value = _added(value, _term(other, frame))
    return value


def _term(term: str | float | bool | Property | Construct | Sum | None, frame: _Frame) -> Value:
    match term:
        case Property(path):
            return _get(path, frame)
        case Construct(properties):
            return _thing({name: _sum(value, frame) for name, value in properties})
        case Sum():
            return _sum(term, frame)
        case _:
            return term


def _get(path: tuple[str, ...], frame: _Frame) -> Value:
    value: Value
    match path:
        case ("out" | "$", *rest):
            value = frame.out
        case ("rules", "latest()", *rest) | ("$$", *rest):
            value = frame.latest
        case ("rules", rule, *rest):
            value = frame.rules.get(rule)
        case ("meta", "current()", "text", *rest):
            value = joined(frame.said)
        case (name, *rest) if name.startswith("$") and name not in frame.names:
            value = frame.rules.get(name[1:])
        case (name, *rest):
            value = frame.names.get(name)
    for name in rest:
        value = value.properties.get(name) if isinstance(value, Thing) else None
    return value


def _added(left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return left + right
    # What was never set adds nothing: `out += "a"` is common, and begins with an empty object.
    text = _text(left) + _text(right)
    if len(text) > VALUE_LIMIT:
        raise Unbounded
    return text


def _text(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Thing():
            return written(value) if value.properties else ""
        case _:
            return value
