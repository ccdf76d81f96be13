"""The schema: made from nothing, the same as the tables say, never from a future."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError
from tests.control.examples import add_build

from twinline.control.store import open_store, releases
from twinline.control.store.database import STORE_FILE, make_engine
from twinline.control.store.migrations import HEAD
from twinline.control.store.migrations.run import config
from twinline.model.errors import Mistake
from twinline.model.release import Override


def test_the_steps_make_the_tables_that_are_declared(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    engine = make_engine(f"sqlite:///{tmp_path / STORE_FILE}")
    with engine.connect() as connection, connection.begin():
        command.check(config(connection))
    engine.dispose()


def test_the_newest_step_is_the_one_that_is_looked_for(tmp_path: Path) -> None:
    engine = make_engine("sqlite://")
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(config(connection)).get_current_head() == HEAD
    engine.dispose()


def test_the_first_step_can_be_taken_back(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    engine = make_engine(f"sqlite:///{tmp_path / STORE_FILE}")
    with engine.connect() as connection, connection.begin():
        command.downgrade(config(connection), "base")
    engine.dispose()
    with sqlite3.connect(tmp_path / STORE_FILE) as plain:
        assert plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("alembic_version",)]
    plain.close()


def test_a_store_of_a_newer_twinline_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / STORE_FILE) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    plain.close()
    with pytest.raises(Mistake, match="9999"):
        open_store(tmp_path)


@pytest.mark.parametrize("deed", ["UPDATE overrides SET reason = 'x'", "DELETE FROM overrides"])
async def test_overrides_are_only_ever_appended(tmp_path: Path, deed: str) -> None:
    store = open_store(tmp_path)
    number = await add_build(store)
    await store.write(lambda it: releases.add_overrides(it, [Override(number, "soak", "ada", "urgent", 1.0)]))
    with pytest.raises(DBAPIError, match="only ever appended"):
        await store.write(lambda it: it.connection().exec_driver_sql(deed))
    assert [it.reason for it in await store.read(lambda it: releases.overrides(it, number))] == ["urgent"]
    store.close()
