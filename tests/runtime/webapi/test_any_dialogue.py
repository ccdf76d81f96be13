"""Whatever an application answers and whatever its verbs come to, the dialogue goes on or ends, and counts right."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.webapi.stage import CALL, begun
from twinline.model.transcript import Choice, VerbResult
from twinline.runtime.webapi.dialogue import Commands, Dialogue, End, Perform, Post, Warn
from twinline.runtime.webapi.document import FIELDS, Document, read_document
from twinline.runtime.webapi.results import read_result

EVENTS = ["continue", "incomplete", "error", "hangup", "placed"]
NEXT = ["/a", "b?", "ftp://x", "http://["]
RESULTS = ["choice", "badChoice", "timeout", "hangup", "error", "signal", "say", "record", "answer", "?"]

values = st.none() | st.booleans() | st.integers() | st.sampled_from(["", "3", "-1", "1e400", "no", "[1 DIGIT]", "("])
conditions = st.sampled_from(["timeout", "nomatch:1", "nomatch:x"])
says = st.text(max_size=5) | st.lists(
    st.fixed_dictionaries({"value": values}, optional={"event": conditions}), max_size=3
)


def _fields(verb: str) -> st.SearchStrategy[dict[str, object]]:
    names = st.sampled_from([*sorted(FIELDS[verb]), "name", "required", "odd"])
    return st.fixed_dictionaries({verb: st.dictionaries(names, values | says, max_size=4)})


verbs = st.sampled_from(sorted(FIELDS)).flatmap(_fields)
ons = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS)}, optional={"next": st.sampled_from(NEXT), "say": says, "order": values}
).map(lambda on: {"on": on})
documents = st.lists(verbs | ons, max_size=5).map(lambda items: read_document(json.dumps({"tropo": items}).encode()))
words = st.text(max_size=3)
results = st.builds(
    VerbResult,
    name=st.sampled_from(RESULTS),
    value=st.none() | st.sampled_from(["placed", "other", "1"]),
    choice=st.none() | st.builds(Choice, words, words, words),
    message=st.none() | st.just("cannot"),
)
states = st.sampled_from(["ANSWERED"] * 5 + ["DISCONNECTED"])
turns = st.lists(st.tuples(documents, results, states, st.booleans()), max_size=20)


@settings(max_examples=60)
@given(turns, st.booleans())
def test_any_dialogue_goes_on_or_ends(turns: list[tuple[Document, VerbResult, str, bool]], called: bool) -> None:
    stage = begun(CALL if called else None, {})
    sequence, at = 0, 0.0
    for document, result, state, fails in turns:
        at += 0.7
        stage.dialogue.line(state)
        assert all(isinstance(command, Warn) for command in stage.commands[:-1])
        match stage.last:
            case End():
                return
            case Post(url, body):
                if b'"sequence"' in body:
                    sequence += 1
                    told = read_result(body)
                    assert (told.sequence, told.sessionDuration) == (sequence, int(at - 0.7))
                stage.commands = _posted(stage.dialogue, url, document, fails, at)
            case Perform(arguments=arguments):
                msgspec.json.encode(arguments)
                stage.commands = stage.dialogue.performed(result, at)


def _posted(dialogue: Dialogue, url: str, document: Document, fails: bool, at: float) -> Commands:
    assert url.startswith(("http://", "https://"))
    return dialogue.failed("no answer", url, at) if fails else dialogue.answered(url, document, at)
