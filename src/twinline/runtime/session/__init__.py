"""The session engine: one session, its verbs, its clock and its transcript, whatever the line.

Public face: `Session`, the `Line` and `Clock` it is given, and `RecordedLine` for rehearsals.
"""

from twinline.runtime.session.clock import Clock, RealClock, VirtualClock
from twinline.runtime.session.engine import Session
from twinline.runtime.session.line import Input, Line
from twinline.runtime.session.recorded import RecordedLine

__all__ = ["Clock", "Input", "Line", "RealClock", "RecordedLine", "Session", "VirtualClock"]
