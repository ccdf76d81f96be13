"""What an application is told when a session starts."""

from tests.runtime.webapi.stage import begun


def test_a_session_that_somebody_starts_tells_both_parties_and_the_text() -> None:
    path, session = begun().posted()
    assert path == "/tropo/start.json?line=1"
    party = {"e164Id": "14157660881", "name": None, "channel": "TEXT", "network": "SMS"}
    assert session == {
        "id": "s1", "accountId": "1", "applicationId": "bakery", "timestamp": "2011-07-15T18:03:12.275Z",
        "userType": "HUMAN", "initialText": "Hello.", "callId": "c1", "to": {"id": "14157660881", **party},
        "from": {"id": "14153141222", **party, "e164Id": "14153141222"}, "headers": {},
    }  # fmt: skip


def test_a_session_that_a_token_starts_has_parameters_and_nobody_at_its_ends() -> None:
    _, session = begun(None, {"action": "create", "event_id": "1"}).posted()
    assert session == {
        "id": "s1", "accountId": "1", "applicationId": "bakery", "timestamp": "2011-07-15T18:03:12.275Z",
        "userType": "NONE", "initialText": None, "callId": None, "parameters": {"action": "create", "event_id": "1"},
    }  # fmt: skip
