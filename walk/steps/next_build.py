"""The fourth step: the next build is made, announced, and put on the development cluster only."""

from xml.etree import ElementTree

from twinline.model.builds import Build, Cluster, ComponentName, Significance
from walk import account
from walk.cast import NODE_2
from walk.stage import get
from walk.walker import Walker

ATOM = "{http://www.w3.org/2005/Atom}"


def step(walker: Walker) -> None:
    """Build 2 (Node.js 24.19) is made, published and put on the development cluster only; the changelog shows it."""
    stage = walker.stage
    stage.twinline("build", "create", "builds/2.toml")
    build = stage.read(Build, "build", "show", "2")
    node = build.components[ComponentName.JAVASCRIPT]
    account.check(node == NODE_2, f"build 2 holds Node.js {NODE_2}", build.components)
    significant = build.significance is Significance.SIGNIFICANT
    account.check(significant, "an interpreter changed, so it is significant", build.significance)
    stage.twinline("build", "publish", "2")
    stage.twinline("cluster", "place", "development", "2")
    stage.twinline("cluster", "place", "production", "2", code=1)

    workers = walker.workers(Cluster.DEVELOPMENT, 2)
    current = stage.cluster(Cluster.PRODUCTION).current
    account.check(current == 1, f"{workers[0]} serves development; production stays on build 1", current)

    status, page = get(f"{stage.api}/changelog")
    account.check(status == 200 and b"util.isString" in page, "the changelog's page tells developers", page.decode())
    status, feed = get(f"{stage.api}/changelog.atom")
    account.check(status == 200, "the Atom feed is there", feed.decode())
    entries = ElementTree.fromstring(feed).findall(f"{ATOM}entry")
    told = [entry for entry in entries if "util.isString" in "".join(entry.itertext())]
    account.check(told, f"the Atom feed has {len(entries)} entries, build 2 among them", feed.decode())
