"""Transcripts in the store: whatever order chunks come in and however often, a session is what it was."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.examples import a_start, a_transcript, chunks_of

from twinline.control.store import Store, open_store, sessions
from twinline.model.errors import NotFound
from twinline.model.messages import TranscriptChunk
from twinline.model.transcript import Outcome


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        yield store
        store.close()


@settings(max_examples=40, deadline=None)
@given(
    turns=st.integers(0, 4), size=st.integers(1, 5), shuffle=st.randoms(use_true_random=False), batch=st.integers(1, 9)
)
async def test_chunks_in_any_order_and_more_than_once_make_the_same_session(
    store: Store, turns: int, size: int, shuffle: Random, batch: int
) -> None:
    start = a_start(uuid4().hex)
    whole = a_transcript(start, turns=turns)
    arriving = chunks_of(start, whole, size) * 2
    shuffle.shuffle(arriving)
    for at in range(0, len(arriving), batch):
        await store.write(partial(sessions.keep, chunks=arriving[at : at + batch]))
    detail = await store.read(lambda it: sessions.detail(it, start.session))
    assert detail.transcript == whole
    assert (detail.session.turns, detail.session.outcome, detail.session.build) == (turns, Outcome.COMPLETED, 1)


async def test_a_transcript_is_told_up_to_its_first_gap(store: Store) -> None:
    start = a_start(uuid4().hex)
    whole = a_transcript(start)
    first, _, *rest = chunks_of(start, whole, 3)
    await store.write(lambda it: sessions.keep(it, [first, *rest]))
    assert (await store.read(lambda it: sessions.detail(it, start.session))).transcript == whole[:3]


async def test_events_that_a_rebuilt_session_sends_again_cut_otherwise_are_there_once(store: Store) -> None:
    start = a_start(uuid4().hex)
    whole = a_transcript(start)
    again = TranscriptChunk(start.session, 2, whole[2:], True, start)
    await store.write(lambda it: sessions.keep(it, [chunks_of(start, whole, 4)[0], again]))
    assert (await store.read(lambda it: sessions.transcript(it, start.session))) == whole


async def test_a_session_without_its_beginning_is_not_shown(store: Store) -> None:
    start = a_start(uuid4().hex)
    await store.write(lambda it: sessions.keep(it, chunks_of(start, a_transcript(start))[1:]))
    with pytest.raises(NotFound, match=start.session):
        await store.read(lambda it: sessions.detail(it, start.session))
