"""The seven steps, a file each, in the order they are taken. A step's docstring is its heading."""

from collections.abc import Callable

from walk.steps import beginning, conversing, deploying, next_build, promoting, rehearsing, twinning
from walk.walker import Walker

STEPS: tuple[Callable[[Walker], None], ...] = (
    beginning.step,
    deploying.step,
    conversing.step,
    next_build.step,
    rehearsing.step,
    twinning.step,
    promoting.step,
)
