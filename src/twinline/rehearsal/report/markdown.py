"""The result in a few lines of Markdown, for a chat message or a review comment.

Comes in: a result. Goes out: text; whatever an application or a caller said stands in code spans, so that it cannot
become markup.
"""

from twinline.model.rehearsal import CauseGroup, RehearsalResult
from twinline.rehearsal.report.findings import Finding, extent, headline, sections, unjudged_share

FINDINGS = 3
"""Findings of one application that are told; the HTML report has all."""

CAUSES = 10
"""Causes that are told, and applications that are named under one; the HTML report has all."""


def markdown_text(result: RehearsalResult) -> str:
    """The rehearsal as a heading, a table and the findings."""
    lines = [
        f"## Build {result.candidate} against build {result.baseline}",
        "",
        headline(result),
        "",
        *_unjudged(result),
        *(_cause(group) for group in result.groups[:CAUSES]),
        *([""] if result.groups else []),
        "| Application | Verdict | Compared | |",
        "| --- | --- | ---: | --- |",
    ]
    found: list[str] = []
    for section in sections(result):
        application = section.application
        cells = (f"`{application.application}`", application.verdict.value, str(application.compared))
        lines.append(f"| {' | '.join(cells)} | {_code(application.sentence)} |")
        found += [_finding(application.application, finding) for finding in section.findings[:FINDINGS]]
        if len(section.findings) > FINDINGS:
            found.append(f"- `{application.application}`: {len(section.findings) - FINDINGS} more findings")
    return "\n".join([*lines, "", *found, ""]) if found else "\n".join([*lines, ""])


def _unjudged(result: RehearsalResult) -> list[str]:
    share = unjudged_share(result)
    return [f"{100 * share:.1f} % of all sessions could not be judged.", ""] if share else []


def _cause(group: CauseGroup) -> str:
    names = list(group.applications)
    more = f" and {len(names) - CAUSES} more" if len(names) > CAUSES else ""
    return f"- {_code(group.sentence)}: {extent(group)} ({', '.join(_code(name) for name in names[:CAUSES])}{more})"


def _finding(application: str, finding: Finding) -> str:
    place = finding.example.divergence
    where = f", turn {place.turn}" if place else ""
    count = len(finding.units)
    sessions = "1 session" if count == 1 else f"{count} sessions"
    return f"- `{application}`, {sessions} {finding.verdict.value}{where}: {_code(finding.example.reason)}"


def _code(words: str) -> str:
    """A code span that nothing inside can end, on one line of a table."""
    longest = max((len(run) for run in _ticks(words)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {' '.join(words.split())} {fence}".replace("|", "\\|")


def _ticks(words: str) -> list[str]:
    return "".join(character if character == "`" else " " for character in words).split()
