"""An experiment's life by calls alone: created, watched, stopped, resumed, traced, removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import yaml

from tests.integration.console.calls import ROWS, YAML, done, events, numbers, of
from tests.integration.console.conftest import Console
from tests.integration.experiments import manifest


def test_an_experiment_lives_by_calls_alone(name: str, api: httpx.Client) -> None:
    here = f"/experiments/{name}"
    assert done(api.post("/experiments?dryRun=true", content=of(name), headers=YAML))["run"] is None
    created = api.post("/experiments", content=of(name), headers=YAML)
    assert done(created, 201)["run"]["number"] == 1
    assert created.headers["location"] == f"/api{here}"
    again = api.post("/experiments", content=of(name), headers=YAML)
    assert done(again, 409)["reason"] == "AlreadyExists"

    assert done(api.post(f"{here}/suspend"))["state"] == "SUSPENDED"
    told = [kind for kind, _ in events(api, f"{here}/runs/newest/events")]
    assert told[-1] == "end"
    assert done(api.post(f"{here}/resume"))["number"] == 1
    *seen, last = events(api, f"{here}/runs/1/events")
    assert last == ("end", {"reason": "RunEnded"})
    kind, progress = seen[-1]
    assert (kind, progress["state"], progress["progress_pct"]) == ("progress", "COMPLETED", 100)
    assert done(api.get(f"{here}/runs/{progress['id']}"))["last_updated"] is not None

    traced = done(api.get(f"{here}/trace/numbers", params={"key": "7"}))
    assert (traced["row"], traced["identical"]) == (6, True)
    assert done(api.post(f"{here}/verify", params={"wait": 120}))["identical"] is True
    found = done(api.get("/experiments", params={"search": name}))
    assert [each["name"] for each in found["items"]] == [name]
    lines = api.get(f"{here}/runs/newest/logs")
    assert lines.headers["content-type"].startswith("text/plain")
    assert f"run 1 of {name}" in lines.text
    assert api.get(f"{here}/runs/1/manifest").text == of(name)

    assert done(api.post(f"{here}/reset"))["state"] == "RESET"
    assert "deleted" in done(api.delete(here))["message"]
    assert done(api.get(here), 404)["reason"] == "ExperimentUnknown"


def test_a_change_needs_the_etag_of_what_was_read_and_consent_to_lose_rows(
    name: str, api: httpx.Client
) -> None:
    here, fewer = f"/experiments/{name}", of(name, 2_000)
    done(api.post("/experiments", content=of(name, 3_000), headers=YAML), 201)
    list(events(api, f"{here}/runs/1/events"))
    read = api.get(here)
    assert done(read)["manifest"] == of(name, 3_000)

    def put(etag: str | None, **params: Any) -> httpx.Response:
        headers = {**YAML, **({} if etag is None else {"If-Match": etag})}
        return api.put(here, content=fewer, headers=headers, params=params)

    assert done(put(None), 428)["reason"] == "IfMatchMissing"
    assert done(put('"other"'), 412)["reason"] == "EtagMismatch"
    assert done(put(read.headers["etag"]), 409)["reason"] == "FewerRows"
    assert done(put(read.headers["etag"], restart=True))["run"]["number"] == 2
    assert done(put(read.headers["etag"], restart=True), 412)["reason"] == "EtagMismatch"
    list(events(api, f"{here}/runs/2/events"))
    assert done(api.post(f"{here}/rerun"))["number"] == 3
    list(events(api, f"{here}/runs/3/events"))
    page = done(api.get(f"{here}/runs", params={"limit": 2}))
    assert ([each["number"] for each in page["items"]], page["after"]) == ([1, 2], "2")
    rest = done(api.get(f"{here}/runs", params={"after": page["after"]}))
    assert ([each["number"] for each in rest["items"]], rest["after"]) == ([3], None)
    done(api.delete(here))


def test_a_new_experiment_replaces_no_larger_run_unasked(name: str, api: httpx.Client) -> None:
    here = f"/experiments/{name}"
    done(api.post("/experiments", content=of(name, 3_000), headers=YAML), 201)
    list(events(api, f"{here}/runs/1/events"))
    # Forgotten here, and still in the ledger, as for who begins with an empty home.
    done(api.delete(here, params={"purge": False}))
    again = api.post("/experiments", content=of(name, 2_000), headers=YAML)
    assert done(again, 409)["reason"] == "FewerRows"
    again = api.post(
        "/experiments", content=of(name, 2_000), headers=YAML, params={"restart": True}
    )
    assert done(again, 201)["run"]["number"] == 2
    list(events(api, f"{here}/runs/2/events"))
    done(api.delete(here))


def test_of_those_who_create_one_name_at_once_one_does(name: str, api: httpx.Client) -> None:
    waits = [of(name, rows, suspend=True) for rows in range(1, 9)]

    def create(text: str) -> int:
        return api.post("/experiments", content=text, headers=YAML).status_code

    with ThreadPoolExecutor(len(waits)) as pool:
        answers = list(pool.map(create, waits))
    assert sorted(answers) == [201, *[409] * 7]
    here = f"/experiments/{name}"
    assert done(api.get(here))["manifest"] == waits[answers.index(201)]
    assert done(api.get(f"{here}/runs")) == {"items": [], "after": None}
    etag = api.get(here).headers["etag"]
    stale = api.delete(here, params={"purge": False}, headers={"If-Match": '"other"'})
    assert done(stale, 412)["reason"] == "EtagMismatch"
    headers = {"If-Match": f'"other", {etag}'}
    done(api.delete(here, params={"purge": False}, headers=headers))


def test_rows_of_what_has_not_run_are_those_that_it_will_make(name: str, api: httpx.Client) -> None:
    here, waits = f"/experiments/{name}", of(name, 1_000, suspend=True)
    asked = {"seed": "42", "scale": "0.5"}
    done(api.post("/experiments", content=waits, headers=YAML, params=asked), 201)
    assert done(api.get(f"{here}/tables/numbers/rows"))["rowsTotal"] == 500
    done(api.post(f"{here}/resume"))
    list(events(api, f"{here}/runs/1/events"))
    run = done(api.get(f"{here}/runs/1"))
    assert (run["rowsTotal"], run["seed"], run["scale"]) == (500, 42, "0.5")
    done(api.delete(here, headers={"If-Match": "*"}))


def test_a_console_that_was_killed_takes_no_run_with_it(name: str, console: Console) -> None:
    api = console.start()
    done(api.post("/experiments", content=of(name), headers=YAML), 201)
    console.kill()
    again = console.start()
    *_, (kind, progress), _ = events(again, f"/experiments/{name}/runs/1/events")
    assert (kind, progress["state"], progress["rows"]) == ("progress", "COMPLETED", ROWS)
    done(again.delete(f"/experiments/{name}"))


def test_ctrl_c_ends_it_at_once_though_somebody_watches(name: str, console: Console) -> None:
    api = console.start()
    done(api.post("/experiments", content=of(name), headers=YAML), 201)
    with api.stream("GET", f"/experiments/{name}/runs/1/events") as stream:
        next(stream.iter_lines())
        assert console.end() == 0
    other = console.start()
    list(events(other, f"/experiments/{name}/runs/1/events"))
    done(other.delete(f"/experiments/{name}"))


def test_what_no_experiment_is_known_by_is_not_found(api: httpx.Client) -> None:
    for path in ("", "/runs", "/runs/1", "/runs/newest/events", "/runs/1/logs", "/trace/x?key=1"):
        assert done(api.get(f"/experiments/nobody{path}"), 404)["reason"] == "ExperimentUnknown"
    for verb in ("abort", "suspend", "resume", "rerun", "reset", "verify"):
        answer = api.post(f"/experiments/nobody/{verb}")
        assert done(answer, 404)["reason"] == "ExperimentUnknown"


def test_a_secret_that_nobody_registered_is_refused(name: str, api: httpx.Client) -> None:
    document = manifest(name, tables=[numbers(10)], postgres={"secretName": "warehouse"})
    answer = api.post("/experiments", content=yaml.safe_dump(document), headers=YAML)
    assert done(answer, 422)["reason"] == "SecretUnknown"
