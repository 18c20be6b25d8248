"""Each thing that can be wanted of experiments, once, and how each face is asked for it.

In Python `shop` is `rowmill.load("shop.yaml")`, `manifest` that file's text, `engine` either
`rowmill.local_engine()` or `rowmill.cluster_engine()`. A call of REST is below `/api`, with a
manifest's file or JSON as its body; `own.yaml` names a secret that the console was started with.
"""

from __future__ import annotations

from tests.parity.cells import Ability, Call, Hole

_HERE, _THERE = "one machine", "a cluster"
_NO_DATA = Hole(
    "a cluster's credentials stay in it; `rowmill` reads the same data with the manifest and "
    "`--secret NAME=FILE`, from any machine that reaches it"
)
_FILES = Hole('whoever types keeps queries in files: `rowmill query shop "$(cat all.sql)"`')
_BY_QUERY = Hole("`query` finds them, once they are stored")
_NO_SERVERS = Hole("a cluster's destinations are servers of their own")

MANIFESTS = (
    Ability(
        name="say all that is wrong with a manifest",
        cli=Call("rowmill validate -f shop.yaml"),
        plugin=Hole("`kubectl apply` tells its shape, the condition Accepted the rest"),
        python=Call('rowmill.load("shop.yaml")'),
        rest=Call("POST /validate shop.yaml"),
    ),
    Ability(
        name="see parts, bytes and memory of a run before it",
        cli=Call("rowmill plan -f shop.yaml"),
        plugin=Hole("`rowmill plan` needs no cluster"),
        python=Hole("`shop.tables` has the rows; for all else `rowmill plan -o json`"),
        rest=Call("POST /plan shop.yaml"),
    ),
    Ability(
        name="see rows before any are stored",
        cli=Call("rowmill preview -f shop.yaml -t people"),
        plugin=Hole("`rowmill preview` makes the same rows, and needs no cluster"),
        python=Call('shop.table("people", 0, 10)'),
        rest=Call("POST /preview?table=people shop.yaml"),
    ),
    Ability(
        name="see those in the middle, however far",
        cli=Call("rowmill preview -f shop.yaml -t people --offset 1000 -n 5"),
        plugin=Hole("`rowmill preview --offset` makes the same rows, and needs no cluster"),
        python=Call('shop.table("people", 1000, 1005)'),
        rest=Call("POST /preview?table=people&offset=1000&limit=5 shop.yaml"),
    ),
    Ability(
        name="the manifest's JSON Schema, for an editor",
        cli=Call("rowmill schema"),
        plugin=Hole("`rowmill schema` needs no cluster"),
        python=Hole("`rowmill schema` prints it"),
        rest=Call("GET /schema"),
    ),
    Ability(
        name="the CustomResourceDefinition",
        cli=Call("rowmill crd"),
        plugin=Hole("`rowmill crd` needs no cluster; what is installed: `kubectl get crd`"),
        python=Hole("`rowmill crd` prints it"),
        rest=Hole("`rowmill crd` prints it"),
    ),
)

BEGINNINGS = (
    Ability(
        name="run it, and wait here for its end",
        cli=Call("rowmill run -f shop.yaml"),
        plugin=Hole("`kubectl apply -f shop.yaml`, then `kubectl rowmill status shop -w`"),
        python=Call("shop.run()"),
        rest=Hole("a call returns once the run has begun; its `events` stay to the end"),
    ),
    Ability(
        name="begin it in the background",
        cli=Call("rowmill run --detach -f shop.yaml"),
        plugin=Hole("`kubectl apply -f shop.yaml`"),
        python=Call("shop.start()"),
        rest=Call("POST /experiments shop.yaml"),
    ),
    Ability(
        name="begin it by the manifest's text, on either engine",
        cli=Hole("`rowmill run --detach -f -` takes the text, on this machine"),
        plugin=Hole("`kubectl apply -f -` takes the text"),
        python=Call("engine.apply(rowmill.ApplyRequest(manifest))"),
        rest=Call("PUT /experiments/shop shop.yaml If-Match: *"),
    ),
    Ability(
        name="try that out, and begin nothing",
        cli=Hole("`rowmill validate` and `rowmill plan` tell more"),
        plugin=Hole("`kubectl apply --dry-run=server -f shop.yaml`"),
        python=Call("engine.apply(rowmill.ApplyRequest(manifest), dry_run=True)"),
        rest=Call("POST /experiments?dryRun=true shop.yaml"),
    ),
    Ability(
        name="only if nobody has changed it since one looked",
        cli=Hole("a program's need; whoever types sees what is there"),
        plugin=Hole("`kubectl replace` of what `kubectl get exp shop -o yaml` gave"),
        python=Call(
            'engine.apply(rowmill.ApplyRequest(manifest), if_match=engine.get("shop").etag)'
        ),
        rest=Call("PUT /experiments/shop shop.yaml If-Match: ETAG"),
    ),
    Ability(
        name="with another scale or seed than the manifest's",
        cli=Call("rowmill run -f shop.yaml --scale 0.5 --seed 7"),
        plugin=Hole("`spec.scale` and `spec.seed` are what a cluster goes by; edit them"),
        python=Call('rowmill.load("shop.yaml", scale=0.5, seed=7)'),
        rest=Call("POST /experiments?scale=0.5&seed=7 shop.yaml"),
    ),
    Ability(
        name="with other workers and batches",
        cli=Call("rowmill run -f shop.yaml --workers 2 --batch-rows 1000"),
        plugin=Hole("`kubectl scale exp/shop --replicas=8`, also in mid-run; `spec.batchRows`"),
        python=Call("shop.run(workers=2, batch_rows=1000)"),
        rest=Call("PUT /experiments/shop?workers=2&batchRows=1000 shop.yaml If-Match: *"),
    ),
    Ability(
        name="with the secrets that it names",
        cli=Call("rowmill run -f own.yaml --secret warehouse=warehouse.env"),
        plugin=Hole("they are Secrets of the namespace: `kubectl create secret`"),
        python=Call('rowmill.load("own.yaml", secrets={"warehouse": "warehouse.env"})'),
        rest=Call("POST /experiments own.yaml"),
    ),
    Ability(
        name="and drop what is unfinished",
        cli=Call("rowmill run -f shop.yaml --restart"),
        plugin=Hole("`kubectl rowmill rerun shop --restart` does, and a changed spec"),
        python=Call('shop.run(mode="restart")'),
        rest=Call("PUT /experiments/shop?restart=true shop.yaml If-Match: *"),
    ),
    Ability(
        name="take over the tables of another owner",
        cli=Call("rowmill run -f shop.yaml --adopt OWNER"),
        plugin=Hole("`kubectl annotate exp shop rowmill.dev/adopt=OWNER`"),
        python=Call('shop.run(adopt="OWNER")'),
        rest=Call("POST /experiments?adopt=OWNER shop.yaml"),
    ),
)

LOOKS = (
    Ability(
        name="list the experiments",
        cli=Call("rowmill status"),
        plugin=Call("kubectl rowmill status"),
        python=Call("engine.list()"),
        rest=Call("GET /experiments"),
    ),
    Ability(
        name="find some of them, page by page",
        cli=Hole("one machine has few: `rowmill status -o json` and a filter"),
        plugin=Hole("`kubectl rowmill status -o json` and a filter"),
        python=Call('engine.list(search="sho", state=rowmill.State.COMPLETED, limit=10)'),
        rest=Call("GET /experiments?search=sho&state=COMPLETED&limit=10"),
    ),
    Ability(
        name="the manifest that one has, and its version",
        cli=Hole("whoever ran it has the file; a copy is `ROWMILL_HOME/experiments/shop`"),
        plugin=Hole("`kubectl get exp shop -o yaml`"),
        python=Call('engine.get("shop")'),
        rest=Call("GET /experiments/shop"),
    ),
    Ability(
        name="how far a run is, table by table",
        cli=Call("rowmill status shop"),
        plugin=Call("kubectl rowmill status shop"),
        python=Call('engine.status("shop")'),
        rest=Call("GET /experiments/shop/runs/newest"),
    ),
    Ability(
        name="how far an earlier run came",
        cli=Hole("`rowmill runs shop` has a line of it"),
        plugin=Hole("`kubectl rowmill runs shop` has a line of it"),
        python=Call('engine.status("shop", run=1)'),
        rest=Call("GET /experiments/shop/runs/1"),
    ),
    Ability(
        name="watch it to its end, and end as it does",
        cli=Call("rowmill status shop -w"),
        plugin=Call("kubectl rowmill status shop -w"),
        python=Call('list(engine.watch("shop"))'),
        rest=Call("GET /experiments/shop/runs/newest/events"),
    ),
    Ability(
        name="the same as JSON, for programs",
        cli=Call("rowmill status shop -o json"),
        plugin=Call("kubectl rowmill status shop -o json"),
        python=Call('engine.status("shop").to_json()'),
        rest=Call("GET /experiments/shop/runs/newest"),
    ),
    Ability(
        name="the runs that one has had",
        cli=Call("rowmill runs shop"),
        plugin=Call("kubectl rowmill runs shop"),
        python=Call('engine.runs("shop")'),
        rest=Call("GET /experiments/shop/runs"),
    ),
    Ability(
        name="the runs of all",
        cli=Call("rowmill runs"),
        plugin=Call("kubectl rowmill runs"),
        python=Call("engine.runs()"),
        rest=Hole("`GET /experiments` has the newest of each"),
    ),
    Ability(
        name="the time by which runs are timed",
        cli=Hole("`rowmill runs` tells how long each took"),
        plugin=Hole("`kubectl rowmill runs` tells how long each took"),
        python=Call("engine.now()"),
        rest=Hole("each answer has the header `Date`"),
    ),
    Ability(
        name="the words to type for one of these",
        cli=Hole("each message has its commands whole, to be pasted"),
        plugin=Hole("each message has its commands whole, with the namespace"),
        python=Call('engine.command("resume", "shop")'),
        rest=Hole("each message names the call that helps"),
    ),
    Ability(
        name="what a run said",
        cli=Call("rowmill logs shop"),
        plugin=Call("kubectl rowmill logs shop"),
        python=Call('list(engine.logs("shop"))'),
        rest=Call("GET /experiments/shop/runs/newest/logs"),
    ),
    Ability(
        name="what it says, to its end",
        cli=Call("rowmill logs shop -f"),
        plugin=Call("kubectl rowmill logs shop -f"),
        python=Call('list(engine.logs("shop", follow=True))'),
        rest=Call("GET /experiments/shop/runs/newest/logs?follow=true"),
    ),
    Ability(
        name="what an earlier run said",
        cli=Call("rowmill logs shop --run 1"),
        plugin=Call("kubectl rowmill logs shop --run 1"),
        python=Call('list(engine.logs("shop", run=1))'),
        rest=Call("GET /experiments/shop/runs/1/logs"),
    ),
    Ability(
        name="what one shard said",
        cli=Hole("on one machine a run has one log; each line names its worker"),
        plugin=Call("kubectl rowmill logs shop --shard 0"),
        python=Call('list(engine.logs("shop", shard=0))', only=_THERE),
        rest=Call("GET /experiments/shop/runs/newest/logs?shard=0", only=_THERE),
    ),
    Ability(
        name="another cluster's, or another namespace's",
        cli=Hole("one machine; another `ROWMILL_HOME` is another set of servers and records"),
        plugin=Call("kubectl rowmill status -n trial"),
        python=Call('rowmill.cluster_engine("trial").list()', only=_THERE),
        rest=Hole("another `ROWMILL_HOME` has a console of its own"),
    ),
    Ability(
        name="an error, as a program reads it",
        cli=Call("rowmill status nobody -o json", fails=True),
        plugin=Call("kubectl rowmill status nobody -o json", fails=True),
        python=Call('engine.status("nobody")', fails=True),
        rest=Call("GET /experiments/nobody", fails=True),
    ),
)

CHANGES = (
    Ability(
        name="end a run",
        cli=Call("rowmill abort shop"),
        plugin=Call("kubectl rowmill abort shop"),
        python=Call('engine.abort("shop")'),
        rest=Call("POST /experiments/shop/abort"),
    ),
    Ability(
        name="stop a run that is to go on later",
        cli=Call("rowmill suspend shop"),
        plugin=Call("kubectl rowmill suspend shop"),
        python=Call('engine.suspend("shop")'),
        rest=Call("POST /experiments/shop/suspend"),
    ),
    Ability(
        name="go on with a stopped run",
        cli=Call("rowmill resume shop"),
        plugin=Call("kubectl rowmill resume shop"),
        python=Call('engine.resume("shop")'),
        rest=Call("POST /experiments/shop/resume"),
    ),
    Ability(
        name="and wait for its end, but not for ever",
        cli=Call("rowmill resume shop --wait --timeout 30m"),
        plugin=Call("kubectl rowmill resume shop --wait --timeout 30m"),
        python=Hole('`for now in engine.watch("shop")` ends where you leave it'),
        rest=Hole("`GET /experiments/shop/runs/newest/events` ends where you leave it"),
    ),
    Ability(
        name="make the next run, though nothing has changed",
        cli=Call("rowmill rerun shop"),
        plugin=Call("kubectl rowmill rerun shop"),
        python=Call('engine.rerun("shop")'),
        rest=Call("POST /experiments/shop/rerun"),
    ),
    Ability(
        name="also if that drops what is unfinished",
        cli=Call("rowmill rerun shop --restart"),
        plugin=Call("kubectl rowmill rerun shop --restart"),
        python=Call('engine.rerun("shop", restart=True)'),
        rest=Call("POST /experiments/shop/runs?restart=true"),
    ),
    Ability(
        name="and wait for the next run's end",
        cli=Call("rowmill rerun shop --wait --timeout 30m"),
        plugin=Call("kubectl rowmill rerun shop --wait --timeout 30m"),
        python=Hole('`for now in engine.watch("shop")` ends where you leave it'),
        rest=Hole("`GET /experiments/shop/runs/newest/events` ends where you leave it"),
    ),
    Ability(
        name="remove the data, and keep the records",
        cli=Call("rowmill reset shop"),
        plugin=Call("kubectl rowmill reset shop"),
        python=Call('engine.reset("shop")'),
        rest=Call("POST /experiments/shop/reset"),
    ),
    Ability(
        name="remove data and records",
        cli=Call("rowmill delete shop"),
        plugin=Hole("`kubectl delete exp shop`, with `deletionPolicy: Purge`"),
        python=Call('engine.delete("shop", purge=True)'),
        rest=Call("DELETE /experiments/shop"),
    ),
    Ability(
        name="forget it, and keep the data",
        cli=Call("rowmill delete shop --keep-data"),
        plugin=Hole("`kubectl delete exp shop`"),
        python=Call('engine.delete("shop", purge=False)'),
        rest=Call("DELETE /experiments/shop?purge=false"),
    ),
)

DATA = (
    Ability(
        name="make all rows again, and compare",
        cli=Call("rowmill verify shop"),
        plugin=Call("kubectl rowmill verify shop"),
        python=Call('engine.verify("shop")'),
        rest=Call("POST /experiments/shop/verify?wait=600"),
    ),
    Ability(
        name="the same by the manifest, whoever ran it",
        cli=Call("rowmill verify -f shop.yaml"),
        plugin=Hole("on a cluster the Experiment is the manifest"),
        python=Call("shop.verify()"),
        rest=Hole("what is verified is an experiment of the list"),
    ),
    Ability(
        name="after each run (`verify: AfterRun` in the manifest)",
        cli=Call("rowmill run -f verified.yaml"),
        plugin=Hole("`kubectl wait exp/shop --for=condition=Verified`"),
        python=Call('rowmill.load("verified.yaml").run().verification'),
        rest=Call("POST /experiments verified.yaml"),
    ),
    Ability(
        name="the tables and their keys",
        cli=Hole("`rowmill trace shop` names them, and `rowmill plan`"),
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").keys()', only=_HERE),
        rest=Hole("`GET /experiments/shop` has the manifest, which names them"),
    ),
    Ability(
        name="where a stored row comes from",
        cli=Call("rowmill trace shop people 3"),
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").trace("people", ["3"])', only=_HERE),
        rest=Call("GET /experiments/shop/trace/people?key=3"),
    ),
    Ability(
        name="rows that an experiment has, made on the spot",
        cli=Hole("`rowmill preview -f shop.yaml` makes them by the manifest"),
        plugin=Hole("`rowmill preview` makes the same rows, and needs no cluster"),
        python=Hole("`shop.table` makes them by the manifest"),
        rest=Call("GET /experiments/shop/tables/people/rows?offset=2000&limit=5"),
    ),
    Ability(
        name="the rows that a row refers to",
        cli=_BY_QUERY,
        plugin=_NO_DATA,
        python=_BY_QUERY,
        rest=Call("GET /experiments/shop/tables/orders/rows/3/parents"),
    ),
    Ability(
        name="by what rows of a table are referred to",
        cli=Hole("the manifest says it, under `references`"),
        plugin=Hole("the manifest says it, under `references`"),
        python=Hole("the manifest says it, under `references`"),
        rest=Call("GET /experiments/shop/tables/people/references"),
    ),
    Ability(
        name="the rows that refer to a row",
        cli=_BY_QUERY,
        plugin=_NO_DATA,
        python=_BY_QUERY,
        rest=Call("GET /experiments/shop/tables/people/rows/3/children?child=orders&column=person"),
    ),
    Ability(
        name="ask Postgres",
        cli=Call('rowmill query shop "SELECT count(*) FROM people"'),
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").query("SELECT count(*) FROM people")', only=_HERE),
        rest=Call('POST /experiments/shop/query {"sql": "SELECT count(*) FROM people"}'),
    ),
    Ability(
        name="have the answer as CSV, in pieces",
        cli=Call('rowmill query shop "SELECT * FROM people" -o csv'),
        plugin=_NO_DATA,
        python=Call('b"".join(engine.warehouse("shop").csv("SELECT * FROM people"))', only=_HERE),
        rest=Call('POST /experiments/shop/query {"sql": "SELECT * FROM people", "format": "csv"}'),
    ),
    Ability(
        name="end a query that takes too long",
        cli=Hole("Ctrl-C ends it, at the server too"),
        plugin=_NO_DATA,
        python=Hole("`query` takes a `cancellation`, which any thread may use"),
        rest=Call("DELETE /experiments/shop/query/long"),
    ),
    Ability(
        name="keep a query by a name",
        cli=_FILES,
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").save_query("all", "TABLE people")', only=_HERE),
        rest=Call('PUT /experiments/shop/queries/all {"sql": "TABLE people"}'),
    ),
    Ability(
        name="the queries that are kept",
        cli=_FILES,
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").saved_queries()', only=_HERE),
        rest=Call("GET /experiments/shop/queries"),
    ),
    Ability(
        name="forget one of them",
        cli=_FILES,
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").forget_query("all")', only=_HERE),
        rest=Call("DELETE /experiments/shop/queries/all"),
    ),
    Ability(
        name="the manifest that a past run was of",
        cli=Hole("`rowmill runs shop -o json` has its digest; the text Python alone"),
        plugin=_NO_DATA,
        python=Call('engine.warehouse("shop").manifest(1)', only=_HERE),
        rest=Call("GET /experiments/shop/runs/1/manifest"),
    ),
)

SERVERS = (
    Ability(
        name="start the embedded servers",
        cli=Call("rowmill up"),
        plugin=_NO_SERVERS,
        python=Hole("what needs them starts them"),
        rest=Hole("what needs them starts them"),
    ),
    Ability(
        name="where they are, for psql and S3 tools",
        cli=Call("rowmill env"),
        plugin=_NO_SERVERS,
        python=Hole("`rowmill env` tells it to what the shell starts next"),
        rest=Hole("no call tells a credential; `rowmill env` does"),
    ),
    Ability(
        name="stop them",
        cli=Call("rowmill down"),
        plugin=_NO_SERVERS,
        python=Hole("they stay up for the next program; `rowmill down` stops them"),
        rest=Hole("`rowmill down`, which whoever runs the console types"),
    ),
    Ability(
        name="serve the REST API",
        cli=Call("rowmill console"),
        plugin=Hole("the API of one machine alone, so far"),
        python=Hole("it is a program of its own: `rowmill console`"),
        rest=Hole("it is what answers these calls"),
    ),
    Ability(
        name="which release this is",
        cli=Call("rowmill --version"),
        plugin=Call("kubectl rowmill --version"),
        python=Call("rowmill.__version__"),
        rest=Call("GET /openapi.json"),
    ),
)

ABILITIES = (*MANIFESTS, *BEGINNINGS, *LOOKS, *CHANGES, *DATA, *SERVERS)
