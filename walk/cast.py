"""Who plays: the two applications of the examples, their addresses, and the conversations people hold with them.

Comes in: the examples' code, for the line that breaks. Goes out: data.
"""

from dataclasses import dataclass

from walk.people import Conversation, Turn
from walk.stage import EXAMPLES

NODE_1, NODE_2 = "22.20.0", "24.19.0"
LOOKUP = 8190
"""The port of the service that the examples look things up in; it is written in their code."""

SECRET = "walk-and-talk"
TWIN_ADDRESS = "+15550199"


@dataclass(frozen=True)
class Cast:
    """An application of the examples. The first conversation is the one that goes all the way."""

    name: str
    folder: str
    address: str
    conversations: tuple[Conversation, ...]


PHARMACY = Cast(
    name="pharmacy",
    folder="pharmacy",
    address="+15550100",
    conversations=(
        (
            Turn("refill", ("four-digit number",)),
            Turn("4071", ("Refill Levothyroxine",)),
            Turn("yes", ("Done. It is ready tomorrow after 10.",)),
        ),
        (
            Turn("hello", ("REFILL, STATUS or STOP",)),
            Turn("status", ("four-digit number",)),
            Turn("12", ("That is not a four-digit number.", "on the label")),
            Turn("4072", ("Ramipril", "1 refills left")),
        ),
        (Turn("renew", ("four-digit number",)), Turn("4073", ("no refills left",))),
        (Turn("Refill", ("four-digit number",)), Turn("9999", ("no prescription 9999",))),
        (Turn("STOP", ("no more messages",)),),
    ),
)

COURIER = Cast(
    name="courier",
    folder="courier",
    address="+15550200",
    conversations=(
        (
            Turn("hello", ("six digits",)),
            Turn("482913", ("a box of books", "FRIDAY")),
            Turn("friday", ("comes on Friday",)),
        ),
        (
            Turn("Where is my parcel?", ("six digits",)),
            Turn("12", ("That is not a six-digit number.", "Which parcel")),
            Turn("551204", ("a lamp",)),
            Turn("sunday", ("only drive on", "a lamp")),
            Turn("mon", ("comes on Monday",)),
        ),
        (Turn("hello", ("six digits",)), Turn("700001", ("was delivered",))),
        (Turn("hi", ("six digits",)), Turn("111111", ("no parcel 111111",))),
        (Turn("551204", ("a lamp",)), Turn("cancel", ("seven days",))),
    ),
)

APPLICATIONS = (PHARMACY, COURIER)

MENDED = "courier-mended"
"""The folder of the courier's next version."""


def breaking_line() -> tuple[str, int]:
    """The place in the courier's code that the next Node.js does not run: its file and line."""
    file = EXAMPLES / COURIER.folder / "main.js"
    lines = file.read_text(encoding="utf-8").splitlines()
    return file.name, next(number for number, line in enumerate(lines, start=1) if "util.isString(" in line)
