"""Collecting an answer by keys.

Comes in: keys, one by one, and the news that the caller paused. Goes out: where the answer stands. It is complete
by count (no further key could match), by a terminator, or by a pause between keys; it has failed as soon as no
further key can mend it. There is no clock here: whoever has one calls `pause` when the time between two keys is
over.
"""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from twinline.model.transcript import Choice
from twinline.runtime.grammar.matching import Matcher
from twinline.runtime.grammar.meaning import Meaning, understood

PAUSE = 3.0
"""Seconds without a key that end an answer where the application does not say: Voxeo's (Tropo's docs say 3 to 5)."""


class KeyStage(StrEnum):
    """Where an answer by keys stands."""

    EMPTY = "empty"
    PARTIAL = "partial"
    ENOUGH = "enough"
    COMPLETE = "complete"
    FAILED = "failed"


_ENDED = frozenset({KeyStage.COMPLETE, KeyStage.FAILED})


class KeyEntry(msgspec.Struct, frozen=True):
    """An answer by keys so far. `keys` are those of the answer, without a terminator that ended it.

    PARTIAL: more keys are needed. ENOUGH: it matches, and more keys might too. COMPLETE: `choice` is what it means.
    `look_up` says what keys mean, and whether more of them could mean something.
    """

    look_up: Callable[[str], tuple[Choice | None, bool]]
    terminators: str = "#"
    keys: str = ""
    stage: KeyStage = KeyStage.EMPTY
    choice: Choice | None = None

    @property
    def ended(self) -> bool:
        """Whether the answer is complete or has failed; it takes no further key."""
        return self.stage in _ENDED

    @property
    def awaits_pause(self) -> bool:
        """Whether the time between two keys is to be measured."""
        return self.stage in (KeyStage.PARTIAL, KeyStage.ENOUGH)

    def press(self, key: str) -> "KeyEntry":
        """The answer after one more key, a single character. Raises ValueError when it has ended."""
        self._require_open()
        if len(key) != 1:
            raise ValueError(f"{key!r} is not one key")
        keys = self.keys + key.upper()
        choice, more = self.look_up(keys)
        # A terminator that the grammar itself can take there is an answer: in `1, 2, #` the `#` is one.
        if choice is None and not more and key in self.terminators:
            return self._finished()
        if choice is not None:
            stage = KeyStage.ENOUGH if more else KeyStage.COMPLETE
        else:
            stage = KeyStage.PARTIAL if more else KeyStage.FAILED
        return msgspec.structs.replace(self, keys=keys, stage=stage, choice=choice)

    def pause(self) -> "KeyEntry":
        """The answer after the caller paused: complete if it matches as it is. Raises ValueError when it has ended."""
        self._require_open()
        return self._finished() if self.keys else self

    def _finished(self) -> "KeyEntry":
        stage = KeyStage.FAILED if self.choice is None else KeyStage.COMPLETE
        return msgspec.structs.replace(self, stage=stage)

    def _require_open(self) -> None:
        if self.ended:
            raise ValueError(f"the answer {self.keys!r} has ended already ({self.stage})")


def follow_keys(matcher: Matcher | None, keys: str) -> tuple[Meaning | None, bool]:
    """What keys mean, and whether more of them could. `matcher` None: no key means anything."""
    if matcher is None:
        return None, False
    symbols = tuple(keys.upper())
    followed = matcher.follow(symbols)
    return understood(followed.steps) if symbols else None, followed.more
