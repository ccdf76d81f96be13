"""The control plane: the store of records, the HTTP API, and the services that keep both true.

Comes in: requests of people and programs; transcripts, heartbeats and lane results from the bus. Goes out: decisions,
kept in the store and published on the bus. Public face: `client` and `schema`; `main` is the process.
"""
