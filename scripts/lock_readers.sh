#!/bin/sh
# lock_readers.sh [UV]   Renew the locks of the readers of tests/readers with the newest versions.
# pyarrow is there where a reader hands over by it; Spark 3.5 comes as source, built by setuptools.
set -eu
cd "$(dirname "$0")/../tests/readers"
UV=${1:-uv}

lock() { # lock NAME REQUIREMENT...
  name=$1
  shift
  printf '%s\n' "$@" | "$UV" pip compile --quiet --universal --python-version 3.11 --upgrade \
    --generate-hashes --no-annotate --no-emit-index-url --no-header - -o "$name.lock"
}

lock chdb chdb
lock datafusion datafusion pyarrow
lock duckdb duckdb pyarrow
lock fastparquet fastparquet pyarrow
lock polars polars
lock pyiceberg 'pyiceberg[pyarrow,sql-sqlite]'
lock spark 'pyspark==3.5.*' pyarrow
lock spark.build setuptools wheel
