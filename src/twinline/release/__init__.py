"""Releases: builds, soak, gates, excuses, promotion, rollback, changelog.

Everything is decided by pure functions from evidence handed in; only `make`, `verify` and `build_wheel` touch the disk,
and no part knows the store or the bus. The control plane calls, keeps and publishes.

Public face: making builds (`parse`, `make`, `as_build`, `verify`, `interpreters`, `build_wheel`, `source_tree`),
judging them (`Contents`, `compute`, `raised`, `Soak`, `Observation`, `observe`, `Evidence`, `SoakDays`, `GATES`,
`grant`, `decide`), moving clusters (`empty`, `place`, `promote`, `rollback`, `drained`, `settle`, `undone`,
`unfinished`) and the module `changelog`
(imported by those who write pages: it loads a template engine).
"""

from twinline.release.environment import Made, Progress, as_build, make
from twinline.release.evidence import Evidence, SoakDays
from twinline.release.excuse import decide
from twinline.release.gates import GATES
from twinline.release.manifest import Manifest, parse
from twinline.release.overrides import grant
from twinline.release.programs import Interpreters, interpreters
from twinline.release.promotion import (
    PROMOTION,
    ROLLBACK,
    drained,
    empty,
    place,
    promote,
    rollback,
    settle,
    undone,
    unfinished,
)
from twinline.release.record import Record, read_record
from twinline.release.significance import Contents, compute, raised
from twinline.release.soak import Observation, Soak, observe
from twinline.release.verification import verify
from twinline.release.wheel import build_wheel, source_tree

__all__ = [
    "GATES",
    "PROMOTION",
    "ROLLBACK",
    "Contents",
    "Evidence",
    "Interpreters",
    "Made",
    "Manifest",
    "Observation",
    "Progress",
    "Record",
    "Soak",
    "SoakDays",
    "as_build",
    "build_wheel",
    "compute",
    "decide",
    "drained",
    "empty",
    "grant",
    "interpreters",
    "make",
    "observe",
    "parse",
    "place",
    "promote",
    "raised",
    "read_record",
    "rollback",
    "settle",
    "source_tree",
    "undone",
    "unfinished",
    "verify",
]
