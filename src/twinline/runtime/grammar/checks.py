"""What must hold of a grammar's rules before anything follows them.

Comes in: a form. Goes out: the same form, or a GrammarError that names the place: a rule that is not there, a rule that
begins with itself, too many expansions or too deep ones. Whoever follows a checked form may recurse within a rule.
"""

from collections.abc import Iterator, Mapping, Set

from twinline.runtime.grammar.form import (
    NESTING_LIMIT,
    PARTS_LIMIT,
    Expansion,
    Form,
    GrammarError,
    Label,
    Means,
    OneOf,
    Reference,
    Repeat,
    Script,
    Sequence,
    walk,
)


def checked(form: Form) -> Form:
    """The form, with its rules in order, when it can be followed. Raises GrammarError."""
    count = 0
    calls: dict[str, list[Reference]] = {}
    for name, expansion in form.rules.items():
        calls[name] = []
        count = _measured(expansion, count, calls[name])
    begins: list[Reference] = []
    for option in form.options:
        for item in option.items:
            count = _measured(item, count, begins)
    for reference in (reference for called in (begins, *calls.values()) for reference in called):
        if reference.rule not in form.rules:
            raise GrammarError(
                f"there is no rule {reference.rule[:80]!r}",
                where=str(reference.place),
                mend="write it, or mend the name",
            )
    rules = {name: form.rules[name] for name in _callees_first(calls)}
    if any(calls.values()):
        _refuse_left_recursion(rules, {name for name, called in calls.items() if called})
    return Form(form.options, rules, form.mode)


def _measured(expansion: Expansion, count: int, references: list[Reference]) -> int:
    """The number of parts so far with those of an expansion, whose references are added to the list."""
    for part, depth in walk(expansion):
        count += 1
        if depth > NESTING_LIMIT:
            mend = f"at most {NESTING_LIMIT} levels"
            raise GrammarError("the choices are nested too deep", where="choices", mend=mend)
        if count > PARTS_LIMIT:
            raise GrammarError("there are too many parts in it", where="choices", mend=f"at most {PARTS_LIMIT:,}")
        if isinstance(part, Reference):
            references.append(part)
    return count


def _callees_first(calls: Mapping[str, list[Reference]]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for start in calls:
        waiting = [(start, False)]
        while waiting:
            name, done = waiting.pop()
            if done:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                waiting.append((name, True))
                waiting += [(called.rule, False) for called in calls[name] if called.rule not in seen]
    return order


def _refuse_left_recursion(rules: Mapping[str, Expansion], calling: Set[str]) -> None:
    """A rule that begins with itself never ends. A matcher stops by itself all the same; this is to say so in time."""
    nullable: set[str] = set()
    for name, expansion in rules.items():
        if _is_nullable(expansion, nullable):
            nullable.add(name)
    first = {name: list(_beginnings(expansion, nullable)) for name, expansion in rules.items() if name in calling}
    finished: set[str] = set()
    for start in rules:
        on_the_way: set[str] = set()
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, done = waiting.pop()
            if done:
                on_the_way.discard(name)
                finished.add(name)
            elif name not in finished and name not in on_the_way:
                on_the_way.add(name)
                waiting.append((name, True))
                for reference in first.get(name, ()):
                    if reference.rule in on_the_way:
                        raise GrammarError(
                            f"the rule {reference.rule[:80]!r} begins with itself",
                            where=str(reference.place),
                            mend="repeat the words before it instead, as in `word+`, or put the rule at the end",
                        )
                    waiting.append((reference.rule, False))


def _is_nullable(expansion: Expansion, rules: set[str]) -> bool:
    """Whether an expansion is matched by nothing at all, given the rules that are."""
    match expansion:
        case Sequence(parts):
            return all(_is_nullable(part, rules) for part in parts)
        case OneOf(parts):
            return any(_is_nullable(part, rules) for part in parts)
        case Repeat(part, least):
            return least == 0 or _is_nullable(part, rules)
        case Means(part):
            return _is_nullable(part, rules)
        case Reference(rule):
            return rule in rules
        case _:
            return isinstance(expansion, Label | Script)


def _beginnings(expansion: Expansion, nullable: set[str]) -> Iterator[Reference]:
    """The references that may be met before any word is."""
    match expansion:
        case Reference():
            yield expansion
        case Sequence(parts):
            for part in parts:
                yield from _beginnings(part, nullable)
                if not _is_nullable(part, nullable):
                    return
        case OneOf(parts):
            for part in parts:
                yield from _beginnings(part, nullable)
        case Repeat(part) | Means(part):
            yield from _beginnings(part, nullable)
        case _:
            return
