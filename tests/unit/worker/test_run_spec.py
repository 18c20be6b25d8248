"""What a run came from is read as the run read it, by its data version."""

from dataclasses import replace
from datetime import UTC, datetime

from rowmill.plan.layout import Plan
from rowmill.plan.run_source import SOURCE, RunSource, Versions
from rowmill.plan.runs import Run, RunState
from rowmill.spec.load import load_spec
from rowmill.worker.run_options import options_alone_differ
from rowmill.worker.run_spec import made_from, spec_of

# Version 1 cuts no slugs, and refuses this address.
MANIFEST = """\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: people
      rows: 10
      columns:
        - {name: name, type: text, generate: {faker: {provider: name}}}
        - name: mail
          type: varchar(76)
          generate: {template: "{name|slug}@example.com"}
  destinations: {postgres: {}}
"""
OF_TWO = RunSource(MANIFEST, versions=Versions("0.1.0", "21.0.0", 2))


def run_of(source: RunSource) -> Run:
    plan = Plan("sha256:any", 2, (), ())
    kept = {SOURCE: source.to_json()}
    return Run("id", "o", "u", 1, RunState.COMPLETED, plan, datetime.now(UTC), None, "", kept)


def test_the_spec_of_a_run_is_of_its_data_version() -> None:
    assert spec_of(run_of(OF_TWO)).data_version == 2
    assert spec_of(run_of(replace(OF_TWO, versions=None))).data_version == 2, "an older record"


def test_what_a_run_made_is_known_by_its_data_version() -> None:
    made = made_from(OF_TWO.to_json())
    assert made is not None
    assert made.dataset.data_version == 2


def test_a_manifest_with_other_options_is_known_by_the_runs_data_version() -> None:
    named = MANIFEST.replace("spec:\n", "spec:\n  dataVersion: 2\n")
    digest = load_spec("shop", text=named).digest
    run = run_of(OF_TWO)
    run = replace(run, plan=replace(run.plan, digest=digest))
    assert options_alone_differ(run, RunSource(MANIFEST, seed=5))
