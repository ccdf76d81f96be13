"""What Alembic runs for each command: the steps on the connection that it was given, inside its transaction."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from twinline.control.store.tables import Base, Document, Word


def render(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Our own column types are written into a step as what they are in the database."""
    if kind == "type" and isinstance(item, Document):
        return "sa.Text()"
    if kind == "type" and isinstance(item, Word):
        return "sa.String(length=40)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter a table: a step copies it.
    render_as_batch=True,
    compare_type=True,
    render_item=render,
)
context.run_migrations()
