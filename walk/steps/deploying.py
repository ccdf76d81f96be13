"""The second step: build 1 on both clusters, two production applications on it."""

from twinline.control.schema import ApplicationView
from twinline.model.builds import Build, Cluster, ComponentName
from walk import account
from walk.cast import APPLICATIONS, NODE_1
from walk.stage import EXAMPLES, ROOT
from walk.walker import Walker


def step(walker: Walker) -> None:
    """Build 1 (Node.js 22.20) runs on both clusters; two production applications are deployed on it."""
    stage = walker.stage
    stage.twinline("build", "create", str((ROOT / "builds" / "1.toml").relative_to(ROOT)))
    stage.twinline("build", "publish", "1")
    build = stage.read(Build, "build", "show", "1")
    node = build.components[ComponentName.JAVASCRIPT]
    account.check(node == NODE_1, f"build 1 holds Node.js {NODE_1}", build.components)

    for cluster in Cluster:
        stage.twinline("cluster", "place", cluster.value, "1")
    for cluster in Cluster:
        workers = walker.workers(cluster, 1)
        account.check(len(workers) == 1, f"one worker serves {cluster.value}: {', '.join(workers)}", workers)

    for cast in APPLICATIONS:
        stage.twinline("app", "create", cast.name, "--mode", "production")
        stage.twinline("app", "deploy", cast.name, str((EXAMPLES / cast.folder).relative_to(ROOT)))
        carrier = ("--carrier", "generic", "--url", walker.people.carrier.url, "--secret", walker.people.carrier.secret)
        stage.twinline("app", "address", cast.name, cast.address, *carrier)
    live = {each.name: each.live for each in stage.read(list[ApplicationView], "app", "list")}
    languages = {version.language.value for version in live.values() if version}
    account.check(languages == {"python", "javascript"}, "one is in Python, one in JavaScript", live)
