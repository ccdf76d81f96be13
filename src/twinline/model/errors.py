"""The errors a person sees: what was wrong, where, and what would be right.

Comes in: nothing. Goes out: one family of exceptions that every border translates (HTTP problem documents, exit codes,
session log entries). A `Mistake` is the caller's to mend; a `Trouble` is ours or the world's and may pass.
"""


class TwinlineError(Exception):
    """Base of every error of ours that is meant to be read.

    `where` names the place (a file and line, a field, an address); `mend` says what would be right.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(": ".join(part for part in (where, what) if part) + (f" ({mend})" if mend else ""))


class Mistake(TwinlineError):
    """What was asked for cannot be done as asked; nothing was changed."""


class NotFound(Mistake):
    """The thing named does not exist."""


class Conflict(Mistake):
    """What was asked for collides with what is there: a taken address, a promotion that is running."""


class Refused(Mistake):
    """A gate, a limit or a permission says no."""


class Trouble(TwinlineError):
    """Something on our side, or outside, failed; the same request may succeed later."""
