"""What users put on published tables: read, tried before the load, put on the next run's tables.

A publish drops the old tables. Whatever hangs on one of them that no run made is made again on the
table that takes its place, or refused by name before the load; nothing goes in silence.

- `model.py`: the words. An addition is SQL about one table that can be said of any schema.
- `settings.py`: options of tables and columns, put on the staged tables before they are loaded.
- `builds.py`: what takes a build (indexes, constraints, statistics, generated columns), made on the
  loaded tables by finalize.
- `attachments.py`, `identities.py`: what takes none (policies, triggers, publications, identity),
  put on in the publish.
- `own_keys.py`: which keys and indexes a run made, by shape; all others are the users'.
- `obstacles.py`: what cannot be made again.
- `reading.py`: all of these together.
- `trial.py`: makes all of it on empty tables, and undoes that, to learn before the load what fails.
- `staged.py`, `building.py`: what of it the staged tables have, what they lack, and its making.
- `putting_on.py`: says what needs no build.

To add a kind of thing: a query in the list of its module, a case in the tests'
`user_additions.py`, a row in the table of docs/architecture.md.
"""
