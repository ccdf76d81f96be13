"""People with telephones: they send what a conversation says, through their carrier, and expect what it expects.

Comes in: conversations as data. Goes out: signed posts to the edge, and a record of every message that it accepted, for
the count at the end.
"""

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from examples.carrier import SIGNATURE, Carrier, sign

from walk import account
from walk.stage import Stage, post

REPLY = 20.0
"""Seconds that a reply may take. It takes a few hundredths; this is for a machine that does much else."""


class Turn(NamedTuple):
    """What a person sends, and words that must be in what comes back."""

    says: str
    hears: tuple[str, ...]


Conversation = tuple[Turn, ...]


@dataclass
class People:
    """Everybody who writes to an application in the walk."""

    stage: Stage
    carrier: Carrier
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _identifiers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _heard: dict[tuple[str, str], int] = field(default_factory=dict)

    def somebody(self) -> str:
        """A number that nobody has used."""
        return f"+49170{next(self._numbers):07}"

    def says(self, number: str, address: str, text: str, *, quiet: bool = False) -> None:
        """Send one message and have it accepted."""
        identifier = f"walk-{int(time.time())}-{next(self._identifiers)}"
        body = json.dumps({"to": address, "from": number, "text": text, "id": identifier}).encode()
        headers = {"Content-Type": "application/json", SIGNATURE: sign(self.carrier.secret, body, time.time())}
        status, answer = post(f"{self.stage.edge}/messages", body, headers, quiet=quiet)
        if status != 202:
            raise account.WentWrong(f"expected: the edge accepts a message\nseen: {status} {answer.decode()}")
        self.accepted.append((number, address, text))

    def hears(self, number: str, address: str, words: Iterable[str], *, quiet: bool = False) -> None:
        """Wait for the next messages until all the words have come."""
        waiting = list(words)
        while waiting:
            reply = self._next(number, address, waiting)
            if not quiet:
                account.said("reply", reply)
            waiting = [word for word in waiting if word.lower() not in reply.lower()]

    def _next(self, number: str, address: str, waiting: list[str]) -> str:
        heard = self._heard.get((number, address), 0)

        def look() -> str | None:
            texts = self.carrier.texts(sender=address, recipient=number)
            return texts[heard] if len(texts) > heard else None

        reply = account.until(look, f"a reply from {address} to {number} with {waiting}", seconds=REPLY)
        self._heard[number, address] = heard + 1
        return reply

    def hold(self, number: str, address: str, turns: Iterable[Turn], *, quiet: bool = False) -> None:
        """Go through turns of a conversation."""
        for turn in turns:
            if not quiet:
                account.said(number, turn.says)
            self.says(number, address, turn.says, quiet=True)
            self.hears(number, address, turn.hears, quiet=quiet)
