"""The soak clock: healthy, exercised seconds of one build on the development cluster.

Comes in: observations, every few seconds, of what development runs and whether its workers live. Goes out: the build's
`Soak`. A build has its own; a new one starts at zero. No clock is read here.
"""

import msgspec

LONGEST_GAP = 60.0
"""Seconds that one observation can stand for. What nobody watched (a machine asleep, a control plane that was down) was
not seen to be healthy."""


class Soak(msgspec.Struct, frozen=True):
    """What build `build` has gathered: `seconds` of soak, and by reason the seconds it stood still since it began."""

    build: int
    seconds: float = 0.0
    pauses: dict[str, float] = {}


class Observation(msgspec.Struct, frozen=True):
    """What was seen of development: `elapsed` seconds of a monotonic clock since the observation before, the build it
    runs (None: none), and whether a worker of it is alive."""

    elapsed: float
    development: int | None
    healthy: bool


def observe(soak: Soak, seen: Observation) -> Soak:
    """The soak after one more observation. It never shrinks."""
    elapsed = max(0.0, seen.elapsed)
    counted = min(elapsed, LONGEST_GAP)
    reason = _reason(soak.build, seen)
    if reason:
        return _paused(soak, reason, elapsed)
    soak = Soak(soak.build, soak.seconds + counted, soak.pauses)
    return _paused(soak, "nobody watched", elapsed - counted) if elapsed > counted else soak


def _reason(build: int, seen: Observation) -> str:
    if seen.development is None:
        return "development ran no build"
    if seen.development != build:
        return f"development ran build {seen.development}"
    return "" if seen.healthy else "no worker of it was alive"


def _paused(soak: Soak, reason: str, seconds: float) -> Soak:
    pauses = {**soak.pauses, reason: soak.pauses.get(reason, 0.0) + seconds}
    return Soak(soak.build, soak.seconds, pauses)
