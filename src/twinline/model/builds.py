"""Builds: the manifest a person writes, the record of what was made from it, and where it runs.

Comes in: `build.toml` read by the release wing. Goes out: frozen structs used by the store, the bus and the workers.
"""

from enum import StrEnum

import msgspec


class ComponentName(StrEnum):
    """The versioned parts of a build."""

    RUNTIME = "runtime"
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    RUBY = "ruby"
    PHP = "php"
    SYNTHESIS = "synthesis"
    RECOGNITION = "recognition"


class ChangeKind(StrEnum):
    """The Keep-a-Changelog section that a change belongs to."""

    ADDED = "added"
    CHANGED = "changed"
    DEPRECATED = "deprecated"
    REMOVED = "removed"
    FIXED = "fixed"
    SECURITY = "security"


class Significance(StrEnum):
    """How much a build changes: computed from its components, only ever raised by people."""

    PATCH = "patch"
    FEATURE = "feature"
    SIGNIFICANT = "significant"


class Change(msgspec.Struct, frozen=True):
    """One line of a build's changelog: the component it touches, its kind, and a sentence for developers."""

    component: ComponentName
    kind: ChangeKind
    text: str


class Build(msgspec.Struct, frozen=True):
    """An immutable build.

    `digest` is the hash of manifest and lock and names the folder at `path`. `components` maps each component to its
    exact version. Times are seconds since the epoch (UTC).
    """

    number: int
    digest: str
    path: str
    components: dict[ComponentName, str]
    changes: tuple[Change, ...]
    significance: Significance
    made_at: float
    published_at: float | None = None


class Cluster(StrEnum):
    """The two sets of workers. An application's mode is the cluster that serves it."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class BuildState(StrEnum):
    """Where a build stands on one cluster."""

    INACTIVE = "inactive"
    RAMPING = "ramping"
    CURRENT = "current"
    DRAINING = "draining"
    DRAINED = "drained"
    RETIRED = "retired"


class ClusterPointer(msgspec.Struct, frozen=True):
    """What a cluster runs: published state, moved by compare-and-swap on `generation`.

    `current` takes new sessions (None: nothing runs yet). `states` covers every build that has workers there.
    """

    cluster: Cluster
    current: int | None
    generation: int
    states: dict[int, BuildState]


class BuildEntry(msgspec.Struct, frozen=True):
    """Published state: what the placement of workers needs to know of a build."""

    number: int
    digest: str
    path: str
    components: dict[ComponentName, str]
