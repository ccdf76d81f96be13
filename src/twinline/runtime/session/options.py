"""Options of verbs as real programs write them: numbers as strings, old names, typing errors.

Comes in: the arguments of a verb as the script gave them. Goes out: frozen options with the scripting API's defaults
(both generations). What cannot be read falls back to the default, with a warning for the session's log.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

_NUMBER = re.compile(r"^\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(ms|s)?\s*$", re.IGNORECASE)

ATTEMPTS_LIMIT = 100
"""Attempts of one ask. VoiceXML platforms stop callers at a handful; a hundred only stops a mistake."""

TIMEOUT_LIMIT = 7 * 24 * 3600.0
"""Seconds one verb may wait: a week, for conversations over messages."""


_LARGEST = 1e12
"""A number beyond this is no count and no duration, but a mistake (or infinity)."""


class AskOptions(msgspec.Struct, frozen=True):
    """What `ask` was told. `timeout` is seconds."""

    text: str
    choices: str | None
    attempts: int = 1
    timeout: float = 30.0


class MessageOptions(msgspec.Struct, frozen=True):
    """What `message` was told; recipients as E.164 numbers or addresses."""

    text: str
    to: tuple[str, ...]
    sender: str | None
    network: str


def seconds(value: object) -> float | None:
    """A duration in seconds from `7`, `"10.0"`, `"10s"` or `"500ms"`; None when it is none of these."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value <= _LARGEST else None
    match = _NUMBER.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    number = float(match[1]) / (1000.0 if (match[2] or "").lower() == "ms" else 1.0)
    return number if number <= _LARGEST else None


def ask_options(arguments: Mapping[str, object], warn: Callable[[str], None]) -> AskOptions:
    """Read an ask. `repeat` of the first generation counts *extra* tries, `attempts` counts all."""
    attempts = _count(arguments, "attempts", warn)
    if attempts is None and (repeat := _count(arguments, "repeat", warn)) is not None:
        attempts = repeat + 1
    timeout = seconds(arguments["timeout"]) if arguments.get("timeout") is not None else 30.0
    if timeout is None:
        warn(f"timeout {arguments['timeout']!r} is no number of seconds; 30 is used")
        timeout = 30.0
    choices = arguments.get("choices")
    return AskOptions(
        text=_text(arguments.get("text")),
        choices=None if choices is None else str(choices),
        attempts=1 if attempts is None else min(attempts, ATTEMPTS_LIMIT),
        timeout=min(timeout, TIMEOUT_LIMIT),
    )


def message_options(arguments: Mapping[str, object], network: str) -> MessageOptions:
    """Read a message; `network` is what is used when the script names none."""
    to = arguments.get("to")
    recipients = to if isinstance(to, list) else [to] if to else []
    sender = arguments.get("callerID") or arguments.get("callerId")
    return MessageOptions(
        text=_text(arguments.get("text")),
        to=tuple(address(str(recipient)) for recipient in recipients),
        sender=address(str(sender)) if sender else None,
        network=str(arguments.get("network") or network).upper(),
    )


def address(written: str) -> str:
    """An address as the platform keeps it: numbers as E.164, a bare ten-digit number as a North American one."""
    plain = written.strip().removeprefix("tel:")
    digits = re.sub(r"[\s().-]", "", plain)
    if digits.startswith("+") and digits[1:].isdigit():
        return digits
    if digits.isdigit() and len(digits) == len("4155550100"):
        return f"+1{digits}"
    if digits.isdigit() and len(digits) > len("4155550100"):
        return f"+{digits}"
    return plain


def _count(arguments: Mapping[str, object], name: str, warn: Callable[[str], None]) -> int | None:
    value = arguments.get(name)
    if value is None:
        return None
    number = seconds(value)
    if number is None:
        warn(f"{name} {value!r} is no number; it is ignored")
        return None
    return int(number)


def _text(value: object) -> str:
    return "" if value is None else str(value)
