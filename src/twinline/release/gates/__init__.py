"""The gates between development and production: one policy a file, each a pure `decide(evidence) -> GateResult`.

A gate's name is its file's name. Putting a file here adds a gate; nothing else has to know.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from twinline.model.release import GateResult
from twinline.release.evidence import Evidence

Gate = Callable[[Evidence], GateResult]
"""A policy: the same evidence gives the same verdict."""

GATES: dict[str, Gate] = {
    module.name: import_module(f"{__name__}.{module.name}").decide
    for module in sorted(iter_modules(__path__), key=lambda module: module.name)
}
"""Every gate by its name."""

__all__ = ["GATES", "Gate"]
