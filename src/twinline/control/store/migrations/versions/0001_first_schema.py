"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "builds",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("significance", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("published_at", sa.Double(), nullable=True),
        sa.Column("soak", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_builds"),
    )
    op.create_table(
        "chunks",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session", "first", name="pk_chunks"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("build", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_application_started_at", "sessions", ["application", "started_at"])
    op.create_index("ix_sessions_build_started_at", "sessions", ["build", "started_at"])
    op.create_index("ix_sessions_started_at", "sessions", ["started_at"])

    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sa.UniqueConstraint("digest", "entry", name="uq_versions_digest_entry"),
    )
    op.create_table(
        "applications",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("twin_of", sa.String(length=64), nullable=True),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("deployed_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["live"], ["versions.id"], name="fk_applications_live"),
        sa.ForeignKeyConstraint(["twin_of"], ["applications.name"], name="fk_applications_twin_of"),
        sa.PrimaryKeyConstraint("name", name="pk_applications"),
    )
    op.create_table(
        "changelog",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("build", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("significance", sa.String(length=40), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["build"], ["builds.number"], name="fk_changelog_build"),
        sa.PrimaryKeyConstraint("id", name="pk_changelog"),
    )
    op.create_table(
        "clusters",
        sa.Column("cluster", sa.String(length=40), nullable=False),
        sa.Column("current", sa.Integer(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("states", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["current"], ["builds.number"], name="fk_clusters_current"),
        sa.PrimaryKeyConstraint("cluster", name="pk_clusters"),
    )
    op.create_table(
        "overrides",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("build", sa.Integer(), nullable=False),
        sa.Column("gate", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["build"], ["builds.number"], name="fk_overrides_build"),
        sa.PrimaryKeyConstraint("id", name="pk_overrides"),
    )
    op.create_index("ix_overrides_build", "overrides", ["build"])

    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.String(length=40), nullable=False),
        sa.Column("from_build", sa.Integer(), nullable=True),
        sa.Column("to_build", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("excuse", sa.Text(), nullable=True),
        sa.Column("overrides", sa.Text(), nullable=False),
        sa.Column("in_flight", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text(), nullable=False),
        sa.Column("done_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["from_build"], ["builds.number"], name="fk_promotions_from_build"),
        sa.ForeignKeyConstraint(["to_build"], ["builds.number"], name="fk_promotions_to_build"),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
    )
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("baseline", sa.Integer(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["baseline"], ["builds.number"], name="fk_rehearsals_baseline"),
        sa.ForeignKeyConstraint(["candidate"], ["builds.number"], name="fk_rehearsals_candidate"),
        sa.PrimaryKeyConstraint("id", name="pk_rehearsals"),
    )
    op.create_index("ix_rehearsals_candidate", "rehearsals", ["candidate"])

    op.create_table(
        "addresses",
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["application"], ["applications.name"], name="fk_addresses_application"),
        sa.PrimaryKeyConstraint("address", name="pk_addresses"),
    )
    op.create_index("ix_addresses_application", "addresses", ["application"])

    op.create_table(
        "deployments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["application"], ["applications.name"], name="fk_deployments_application"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_deployments_version"),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
    )
    op.create_index("ix_deployments_application", "deployments", ["application"])
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER overrides_no_{deed.lower()} BEFORE {deed} ON overrides "
            "BEGIN SELECT RAISE(ABORT, 'overrides are only ever appended'); END"
        )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_deployments_application", "deployments")

    op.drop_table("deployments")
    op.drop_index("ix_addresses_application", "addresses")

    op.drop_table("addresses")
    op.drop_index("ix_rehearsals_candidate", "rehearsals")

    op.drop_table("rehearsals")
    op.drop_table("promotions")
    op.drop_index("ix_overrides_build", "overrides")

    op.drop_table("overrides")
    op.drop_table("clusters")
    op.drop_table("changelog")
    op.drop_table("applications")
    op.drop_table("versions")
    op.drop_index("ix_sessions_started_at", "sessions")
    op.drop_index("ix_sessions_build_started_at", "sessions")
    op.drop_index("ix_sessions_application_started_at", "sessions")

    op.drop_table("sessions")
    op.drop_table("keys")
    op.drop_table("jobs")
    op.drop_table("chunks")
    op.drop_table("builds")
