"""A grammar made ready for use.

Comes in: the text of `choices` in any notation we read. Goes out: a `Grammar`, made once for each text.
"""

from collections import OrderedDict
from functools import cached_property
from threading import Lock

from twinline.model.transcript import Choice
from twinline.runtime.grammar.checks import checked
from twinline.runtime.grammar.export import written_jsgf
from twinline.runtime.grammar.form import Form, GrammarError, Mode, Option
from twinline.runtime.grammar.jsgf import read_jsgf
from twinline.runtime.grammar.keys import KeyEntry, follow_keys
from twinline.runtime.grammar.matching import Matcher
from twinline.runtime.grammar.meaning import Meaning
from twinline.runtime.grammar.simple import read_simple
from twinline.runtime.grammar.speech import match_spoken
from twinline.runtime.grammar.spelling import PRESSED, SPOKEN, TYPED, Alphabet, respelled
from twinline.runtime.grammar.srgs import read_srgs
from twinline.runtime.grammar.text import TextMatcher, match_words

KEPT_LIMIT = 1_048_576
"""Characters of the choices whose grammars are kept: 10,000 of the usual length, or 30 of the longest simple ones."""


class Grammar:
    """What a caller may answer. Immutable; shared by every session that asks with the same choices."""

    def __init__(self, source: str, form: Form) -> None:
        """A grammar of a checked form, read from `source`."""
        self.source = source
        self.form = form

    @property
    def options(self) -> tuple[Option, ...]:
        """What it was read as. A grammar of rules has one option, the rules that an answer begins with."""
        return self.form.options

    @property
    def for_keys(self) -> bool:
        """Whether any answer can be given by keys."""
        return self._keys is not None

    @property
    def for_speech(self) -> bool:
        """Whether any answer can be spoken. A grammar for neither keys nor speech (`[ANY]`) is for messages alone."""
        return self._jsgf is not None

    def match_text(self, text: str) -> Choice | None:
        """What a message means; None when no option fits it."""
        if not self.form.rules:
            return _choice(self._simple.match(text), text)
        return _choice(match_words(self._typed, text) if self._typed else None, text)

    def match_keys(self, keys: str) -> Choice | None:
        """What keys (`0` to `9`, `*`, `#`, `A` to `D`) mean, when there are no more of them; None when nothing."""
        found, _more = follow_keys(self._keys, keys)
        return _choice(found, keys)

    def key_entry(self, terminators: str = "#") -> KeyEntry:
        """Collecting keys one by one, from the first; each of `terminators` ends the answer where it is none itself."""
        return KeyEntry(self.look_up_keys, terminators)

    def look_up_keys(self, keys: str) -> tuple[Choice | None, bool]:
        """What keys mean, and whether more of them could mean something too."""
        found, more = follow_keys(self._keys, keys)
        return _choice(found, keys), more

    def match_speech(self, words: str, confidence: int = 100) -> Choice | None:
        """What the words of a recogniser mean; None when nothing. `confidence` is 0 to 100 and told on."""
        found = match_spoken(self._speech, words) if self._speech else None
        return _choice(found, words, confidence)

    def to_jsgf(self) -> str | None:
        """The grammar for a recogniser: small letters, numbers spelled out; None when nothing can be spoken."""
        return self._jsgf

    # What a session needs is arranged when it first does: one on the telephone never sees a message.

    @cached_property
    def _simple(self) -> TextMatcher:
        return TextMatcher(self.form.options)

    @cached_property
    def _typed(self) -> Matcher | None:
        return _matcher(respelled(self.form, TYPED), TYPED)

    @cached_property
    def _keys(self) -> Matcher | None:
        return None if self.form.mode is Mode.SPEECH else _matcher(respelled(self.form, PRESSED), PRESSED)

    @cached_property
    def _spoken(self) -> Form | None:
        return None if self.form.mode is Mode.KEYS else respelled(self.form, SPOKEN)

    @cached_property
    def _speech(self) -> Matcher | None:
        return _matcher(self._spoken, SPOKEN) if self._spoken else None

    @cached_property
    def _jsgf(self) -> str | None:
        return written_jsgf(self._spoken) if self._spoken and self._speech else None


class _Kept:
    """The grammars used last, as many as their choices have characters for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._grammars: OrderedDict[str, Grammar] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str) -> Grammar | None:
        with self._lock:
            grammar = self._grammars.get(text)
            if grammar is not None:
                self._grammars.move_to_end(text)
            return grammar

    def keep(self, text: str, grammar: Grammar) -> Grammar:
        """Keep it, unless another thread was first; then that one."""
        with self._lock:
            if text not in self._grammars:
                self._grammars[text] = grammar
                self._size += len(text)
                while self._size > self._limit and len(self._grammars) > 1:
                    oldest, _ = self._grammars.popitem(last=False)
                    self._size -= len(oldest)
            return self._grammars[text]


_kept = _Kept(KEPT_LIMIT)


def compile_grammar(text: str) -> Grammar:
    """The grammar that `choices` describes. Raises GrammarError with the line and column when it cannot be read."""
    return _kept.get(text) or _kept.keep(text, Grammar(text, checked(_read(text))))


def is_reference(text: str) -> bool:
    """Whether `choices` are the address of a grammar instead of one: it is to be fetched, and its text compiled."""
    return text.lstrip()[:8].lower().startswith(("http://", "https://"))


def _read(text: str) -> Form:
    start = text.lstrip("\ufeff \t\r\n\f\v")
    if is_reference(text):
        raise GrammarError(
            "the choices are the URL of a grammar", where="choices, line 1, column 1", mend="fetch it first"
        )
    if start[:5].lower() == "#jsgf":
        return read_jsgf(text)
    return read_srgs(text) if start.startswith("<") else read_simple(text)


def _matcher(spelled: Form, alphabet: Alphabet) -> Matcher | None:
    """A matcher, when there is anything to match."""
    return Matcher(spelled, alphabet.digits) if spelled.options else None


def _choice(found: Meaning | None, utterance: str, confidence: int = 100) -> Choice | None:
    if found is None:
        return None
    concept = found.tag if found.tag is not None else found.concept
    return Choice(found.words if concept is None else concept, found.words, utterance, confidence, found.tag)
