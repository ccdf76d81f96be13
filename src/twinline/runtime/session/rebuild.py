"""Rebuilding a session from its transcript: which verb was performed already, and what it gave.

Comes in: the transcript as far as it was durable when the process was lost. Goes out: for each verb that the script
asks for again, what is recorded of it. Pure bookkeeping; the engine acts on it.
"""

from dataclasses import dataclass

from twinline.model.transcript import AttemptEnded, MessageSent, Transcript, VerbEnded, VerbResult, VerbStarted


class RebuildFailed(Exception):
    """The script did not take the path that is recorded, so the session cannot go on where it was."""


@dataclass
class RecordedVerb:
    """A verb of the lost process: its attempts, and its result when it had ended."""

    started: VerbStarted
    attempts: list[VerbResult]
    result: VerbResult | None
    last_at: float


class Rebuild:
    """What is left to be answered from the record. Nothing at all for a session that starts new."""

    def __init__(self, recorded: Transcript) -> None:
        verbs: dict[int, RecordedVerb] = {}
        for event in recorded:
            match event:
                case VerbStarted(id=id_):
                    verbs[id_] = RecordedVerb(event, [], None, event.at)
                case AttemptEnded(id=id_):
                    verbs[id_].attempts.append(event.result)
                    verbs[id_].last_at = event.at
                case VerbEnded(id=id_):
                    verbs[id_].result = event.result
                case _:
                    pass
        self._waiting = list(verbs.values())
        self._sent = {event.message for event in recorded if isinstance(event, MessageSent)}
        self.last_verb = max(verbs, default=0)

    @property
    def active(self) -> bool:
        """Whether recorded verbs are still to be asked for."""
        return bool(self._waiting)

    def was_sent(self, message: str) -> bool:
        """Whether a message left before the process was lost."""
        return message in self._sent

    def take(self, verb: str, arguments: dict[str, object]) -> RecordedVerb | None:
        """The recorded verb that this request repeats; None when it is a new one.

        Raises RebuildFailed when something else was asked for at this place.
        """
        for index, recorded in enumerate(self._waiting):
            if recorded.started.verb == verb and recorded.started.arguments == arguments:
                return self._waiting.pop(index)
        ended = next((recorded for recorded in self._waiting if recorded.result is not None), None)
        if ended is not None:
            raise RebuildFailed(
                f"the script asks for {verb!r} where {ended.started.verb!r} "
                f"({ended.started.file}:{ended.started.line}) is recorded"
            )
        return None
