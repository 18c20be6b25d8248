"""Each cell of the plugin, run by kubectl itself against a real cluster, as the table has it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.e2e.cluster import binaries
from tests.e2e.cluster.access import wait_for
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import POSTGRES_SECRET, Installation
from tests.parity.abilities import ABILITIES
from tests.parity.cells import Call, calls


@dataclass
class Plugin:
    """The column's cells; those that were called are crossed off, `shop` is the run's name."""

    run: Applied
    kubeconfig: Path
    left: dict[str, Call] = field(default_factory=lambda: calls(ABILITIES, "plugin"))

    def __call__(self, ability: str, said: str = "", *, code: int = 0) -> str:
        text = self.left.pop(ability).text.replace("shop", self.run.name)
        kubectl = binaries.kubectl()
        program, *words = shlex.split(text)
        assert program == "kubectl"
        done = subprocess.run(
            [str(kubectl), *words],
            env={
                **self.run.cluster.environment(),
                "KUBECONFIG": str(self.kubeconfig),
                # kubectl looks for its plugins there.
                "PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == code, f"{text}: {done.stdout}\n{done.stderr}"
        assert said in done.stdout, done.stdout
        return done.stdout


def test_the_plugin_does_all_that_the_table_says(
    installed: Installation, home: str, tmp_path: Path
) -> None:
    """The run waits for a Secret, and so for as long as it is to be stopped and resumed."""
    spec = wide(20_000, destinations={"postgres": {"secretName": "later"}})
    run = Applied.of(installed, home, spec)
    plugin = Plugin(run, _kubeconfig(run, tmp_path))
    plugin("which release this is", "rowmill ")
    plugin("list the experiments", run.name)
    plugin("another cluster's, or another namespace's")
    plugin("an error, as a program reads it", '"ExperimentUnknown"', code=2)
    run.stalled("SecretMissing")
    plugin("how far a run is, table by table", "events")
    plugin("end a run", "is being aborted")
    run.reach("Failed")
    plugin("go on with a stopped run", "is being resumed")
    run.stalled("SecretMissing")
    plugin("stop a run that is to go on later", "is being suspended")
    run.reach("Suspended")
    data = run.cluster.get("secret", POSTGRES_SECRET, home)["data"]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}, "data": data}
    run.cluster.apply(secret, namespace=home)
    plugin("and wait for its end, but not for ever", "COMPLETED")

    plugin("watch it to its end, and end as it does", "COMPLETED")
    assert json.loads(plugin("the same as JSON, for programs"))["rows"] == 20_000
    plugin("what a run said", "[finalize] ")
    plugin("what it says, to its end", "[shard 0] ")
    plugin("what one shard said")
    plugin("make all rows again, and compare", "Identical")
    # A run's pods go when the next begins.
    plugin("what an earlier run said", "[finalize] ")
    plugin("and wait for the next run's end", "COMPLETED")
    plugin("the runs that one has had", "replaced by")
    plugin("the runs of all", run.name)
    plugin("make the next run, though nothing has changed", "the next run")
    wait_for(lambda: run.run().get("number") == 3, 180, "run 3")
    run.complete()
    plugin("also if that drops what is unfinished", "the next run")
    wait_for(lambda: run.run().get("number") == 4, 180, "run 4")
    run.complete()
    plugin("remove the data, and keep the records", "removed 1 table")
    assert plugin.left == {}


def _kubeconfig(run: Applied, folder: Path) -> Path:
    """The administrator's, in the run's namespace."""
    config = yaml.safe_load(run.cluster.kubeconfig.read_text("utf-8"))
    for each in config["contexts"]:
        each["context"]["namespace"] = run.namespace
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
