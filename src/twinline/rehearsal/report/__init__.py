"""Pages made of one rehearsal result, for people: `html_page` (one file with nothing outside it) and `markdown_text`.

Comes in: a `RehearsalResult`, the one source. Goes out: text. The command line draws its own view of the same document.
"""

from twinline.rehearsal.report.html import html_page
from twinline.rehearsal.report.markdown import markdown_text

__all__ = ["html_page", "markdown_text"]
