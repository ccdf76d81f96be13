"""The steps from an empty database to this one's schema, by Alembic. `HEAD` is the newest step."""

HEAD = "0001"
