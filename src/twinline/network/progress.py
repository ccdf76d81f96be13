"""How far a stream has been dealt with, when its entries are finished out of order.

Comes in: sequences as they are entered (rising) and finished (in any order). Goes out: the last sequence before which
nothing is open, which is where reading may begin again after a crash.
"""

from collections import deque


class Progress:
    """The low-water mark over entries in flight."""

    def __init__(self, done: int) -> None:
        self.done = done
        self._open: deque[int] = deque()
        self._finished: set[int] = set()

    @property
    def in_flight(self) -> int:
        """Entries that hold the mark back, finished ones behind an open one included."""
        return len(self._open)

    def enter(self, sequence: int) -> None:
        """An entry is being dealt with. Sequences only rise."""
        self._open.append(sequence)

    def finish(self, sequence: int) -> None:
        """All that an entry leads to has been made."""
        self._finished.add(sequence)
        while self._open and self._open[0] in self._finished:
            self.done = self._open.popleft()
            self._finished.remove(self.done)
