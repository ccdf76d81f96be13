"""Grammars and answers to them, drawn at random.

Comes in: hypothesis's choices. Goes out: forms, the same forms written in JSGF and SRGS, and answers that a form
generates, made by another way than the matcher's.
"""

from collections.abc import Callable
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from twinline.runtime.grammar.form import (
    Expansion,
    Form,
    Label,
    OneOf,
    Option,
    Place,
    Reference,
    Repeat,
    Sequence,
    Words,
)

NAMES = ("a", "b", "c")
WORD = st.sampled_from(["yes", "no", "go", "left", "1", "2", "0", "*", "don't", "\u00e9t\u00e9"])
_WORDS = st.lists(WORD, min_size=1, max_size=3).map(lambda words: Words(" ".join(words)))
_BOUNDS = st.sampled_from([(0, 1), (0, None), (1, None), (2, 2), (1, 3)])


def _inside(rule: int) -> st.SearchStrategy[Expansion]:
    """What a rule may hold: words, rules after it, and itself at the end of a sequence that begins with a word."""
    later = [Reference(name, Place(1, 1)) for name in NAMES[rule + 1 :]]
    leaves: st.SearchStrategy[Expansion] = st.one_of(_WORDS, *([st.sampled_from(later)] if later else []))
    again: st.SearchStrategy[Expansion] = st.tuples(_WORDS, st.just(Reference(NAMES[rule], Place(1, 1)))).map(
        lambda parts: OneOf((parts[0], Sequence(parts)))
    )

    def extend(part: st.SearchStrategy[Expansion]) -> st.SearchStrategy[Expansion]:
        return st.one_of(
            st.lists(part, min_size=1, max_size=3).map(lambda parts: Sequence(tuple(parts))),
            st.lists(part, min_size=1, max_size=3).map(lambda parts: OneOf(tuple(parts))),
            st.tuples(part, _BOUNDS).map(lambda drawn: Repeat(drawn[0], *drawn[1])),
            st.tuples(part, st.sampled_from(["x", "y z", "{}\\"])).map(
                lambda drawn: Sequence((drawn[0], Label(drawn[1])))
            ),
        )

    return st.one_of(st.recursive(leaves, extend, max_leaves=6), again)


FORMS = st.tuples(*(_inside(rule) for rule in range(len(NAMES)))).map(
    lambda rules: Form((Option(None, (Reference("a", Place(1, 1)),)),), dict(zip(NAMES, rules, strict=True)))
)


def generated(form: Form, draw: Callable[[st.SearchStrategy[int]], int]) -> str:
    """An answer to a form, by taking one of its ways at random; recursion ends after a few rounds."""

    def answer(expansion: Expansion, depth: int) -> list[str]:
        match expansion:
            case Words(text):
                return [text]
            case Sequence(parts):
                return [word for part in parts for word in answer(part, depth)]
            case OneOf(parts):
                return answer(parts[draw(st.integers(0, len(parts) - 1)) if depth < 8 else 0], depth)
            case Repeat(part, least, most):
                times = draw(st.integers(least, least + 2 if most is None else most))
                return [word for _ in range(times) for word in answer(part, depth)]
            case Reference(rule):
                return answer(form.rules[rule], depth + 1)
            case _:
                return []

    return " ".join(answer(form.options[0].items[0], 0))


def as_jsgf(form: Form) -> str:
    def written(expansion: Expansion) -> str:
        match expansion:
            case Words(text):
                return " ".join(f'"{word}"' if word == "*" else word for word in text.split())
            case Sequence(parts):
                return "(" + " ".join(map(written, parts)) + ")" if parts else "<NULL>"
            case OneOf(parts):
                return "(" + " | ".join(map(written, parts)) + ")"
            case Repeat(part, least, None):
                return f"({written(part)}){'+' if least else '*'}"
            case Repeat(part, least, most):
                return " ".join([f"({written(part)})"] * least + [f"[{written(part)}]"] * (most - least))
            case Label(text):
                escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
                return f"{{{escaped}}}"
            case Reference(rule):
                return f"<{rule}>"
            case _:
                raise AssertionError(expansion)

    rules = [f"{'public ' if name == 'a' else ''}<{name}> = {written(rule)};" for name, rule in form.rules.items()]
    return "\n".join(["#JSGF V1.0;", "grammar drawn;", *rules])


def as_srgs(form: Form) -> str:
    def written(expansion: Expansion) -> str:
        match expansion:
            case Words(text):
                return text
            case Sequence(parts):
                return "<item>" + " ".join(map(written, parts)) + "</item>"
            case OneOf(parts):
                return "<one-of>" + "".join(f"<item>{written(part)}</item>" for part in parts) + "</one-of>"
            case Repeat(part, least, most):
                return f'<item repeat="{least}-{"" if most is None else most}">{written(part)}</item>'
            case Label(text):
                return f"<tag>{text}</tag>"
            case Reference(rule):
                return f"<ruleref uri={quoteattr('#' + rule)}/>"
            case _:
                raise AssertionError(expansion)

    rules = "\n".join(f'<rule id="{name}">{written(rule)}</rule>' for name, rule in form.rules.items())
    return f'<grammar root="a" tag-format="semantics/1.0-literals">\n{rules}\n</grammar>'
