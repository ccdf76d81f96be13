"""Pages made of one rehearsal result: `html_page` (one file with nothing outside it) and `markdown_text` for people,
`junit_xml` for continuous integration.

Comes in: a `RehearsalResult`, the one source. Goes out: text. The command line draws its own view of the same document.
"""

from twinline.rehearsal.report.html import html_page
from twinline.rehearsal.report.junit import junit_xml
from twinline.rehearsal.report.markdown import markdown_text

__all__ = ["html_page", "junit_xml", "markdown_text"]
