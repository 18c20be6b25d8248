"""Read tables by Spark, with its settings as they are but for where it runs and the time zone."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyspark
from handing_over import hand_over
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema


def session() -> SparkSession:
    """Spark within this process and its Java, on loopback alone."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    return (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )


def main() -> None:
    spark = session()

    def write(folder: Path, file: Path) -> None:
        frame = spark.read.parquet(str(folder))
        # What became DataFrame.toArrow in Spark 4.
        found = pa.Table.from_batches(frame._collect_as_arrow(), to_arrow_schema(frame.schema))
        with pa.ipc.new_file(file, found.schema) as sink:
            sink.write_table(found)

    hand_over(pyspark.__version__, write)
    spark.stop()


if __name__ == "__main__":
    main()
