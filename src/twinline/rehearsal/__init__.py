"""Running production's sessions on a candidate build, and saying who would behave differently, where, and how.

Pure functions: which sessions to run (`select`, `signature`), what came of one (`compare_unit`, `needs_retry`,
`combine`), what that says of an application (`judge`). `twinline.rehearsal.report` makes pages of the result. Who puts
lane-runs on the bus and keeps the results is the control plane.
"""

from twinline.rehearsal.comparison import Comparison, Difference, compare
from twinline.rehearsal.units import StoredSession, select, signature
from twinline.rehearsal.verdicts import combine, compare_unit, difference_bound, judge, needs_retry

__all__ = [
    "Comparison",
    "Difference",
    "StoredSession",
    "combine",
    "compare",
    "compare_unit",
    "difference_bound",
    "judge",
    "needs_retry",
    "select",
    "signature",
]
