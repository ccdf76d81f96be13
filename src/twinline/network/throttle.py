"""How many messages a sender may send: a bucket of tokens each, refilled steadily.

Comes in: who sends, and when. Goes out: yes, or the seconds until yes. No clock of its own.
"""


class Throttle:
    """Buckets of `burst` tokens that refill at `rate` a second. Full ones are forgotten, so memory stays bounded."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._full_at: dict[str, float] = {}
        self._sweep_at = 0.0

    def wait(self, sender: str, now: float) -> float:
        """Take a token: 0 when there is one, else the seconds until there will be (and none is taken)."""
        if now >= self._sweep_at:
            self._full_at = {one: full for one, full in self._full_at.items() if full > now}
            self._sweep_at = now + self._burst / self._rate
        full_at = max(self._full_at.get(sender, now), now) + 1 / self._rate
        excess = full_at - now - self._burst / self._rate
        if excess > 1e-9:
            return excess
        self._full_at[sender] = full_at
        return 0.0
