"""What users put on published tables: read, tried before the load, put on the next run's tables.

A publish drops the old tables. Whatever hangs on one of them that no run made is made again on the
table that takes its place, or refused by name before the load; nothing goes in silence.

- `model.py`: the words. An addition is SQL about one table that can be said of any schema.
- `settings.py`: options of tables and columns, put on the staged tables before they are loaded.
- `builds.py`: what takes a build (indexes, constraints, statistics, generated columns), made on the
  loaded tables by finalize.
- `attachments.py`: what takes none (policies, triggers, publications ...), put on in the publish.
- `own_keys.py`: which keys and indexes a run made, by shape; all others are the users'.
- `obstacles.py`: what cannot be made again.
- `trial.py`: makes all of it on empty tables, and undoes that, to learn before the load what fails.
- `reading.py`: all of these together.
- `staged.py`: what of it the staged tables have, and what they lack.
"""
