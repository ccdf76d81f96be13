"""Running production's sessions on a candidate build, and saying who would behave differently, where, and how.

Pure functions: which sessions to run (`select`, `signature`), what came of one (`compare_unit`, `combine`), which to
run again (`unsettled`), what that says of all applications (`judge_all`), and what they have in common (`grouped`).
`twinline.rehearsal.statistics` has the numbers behind them, for ramps and experiments too; `twinline.rehearsal.report`
makes pages of the result. Who puts lane-runs on the bus and keeps the results is the control plane.
"""

from twinline.rehearsal.causes import grouped
from twinline.rehearsal.classes import LaneOutcome
from twinline.rehearsal.comparison import Comparison, Difference, compare
from twinline.rehearsal.judgement import Rehearsed, difference_bound, judge, judge_all, unsettled
from twinline.rehearsal.units import StoredSession, select, signature
from twinline.rehearsal.verdicts import combine, compare_unit, needs_retry

__all__ = [
    "Comparison",
    "Difference",
    "LaneOutcome",
    "Rehearsed",
    "StoredSession",
    "combine",
    "compare",
    "compare_unit",
    "difference_bound",
    "grouped",
    "judge",
    "judge_all",
    "needs_retry",
    "select",
    "signature",
    "unsettled",
]
