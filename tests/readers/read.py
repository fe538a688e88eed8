"""Reads an exported table with one of the libraries people use, and prints what it found as JSON.

usage: read.py LIBRARY BUCKETS.parquet SAMPLES.parquet

Prints: rows, count of the filtered and grouped block sizes by operation, the first moment in ISO form with its offset,
the types of the columns, and the I/Os of the table of samples.
"""

import json
import sys


def with_pandas(buckets, samples):
    import pandas
    import pyarrow.parquet

    wanted = [("metric", "==", "io_length")]
    # Filters at reading are what string views broke: pandas hands them to pyarrow.
    sizes = pandas.read_parquet(buckets, filters=wanted)
    table = pyarrow.parquet.read_table(buckets)
    # So are a filter and an order of a table in memory.
    in_memory = table.filter(pyarrow.compute.equal(table["metric"], "io_length")).sort_by("operation")
    by_operation = sizes.groupby("operation")["count"].sum()
    again = in_memory.to_pandas().groupby("operation")["count"].sum()
    assert dict(by_operation) == dict(again)
    of_samples = pandas.read_parquet(samples)
    return {
        "rows": len(pandas.read_parquet(buckets)),
        "by_operation": {name: int(count) for name, count in by_operation.items()},
        "first": sizes["taken_at"].min().isoformat(),
        "job": sizes["job"].unique().tolist(),
        "types": {field.name: str(field.type) for field in table.schema},
        "unit": table.schema.field("seconds").metadata[b"unit"].decode(),
        "ios": int(of_samples[of_samples["operation"] == "all"]["ios"].sum()),
    }


def with_duckdb(buckets, samples):
    import duckdb

    run = duckdb.connect()
    # A fixed zone, so that the offset of the text does not depend on the machine.
    run.execute("SET TimeZone = 'UTC'")
    grouped = run.execute(
        "SELECT operation, sum(count) FROM read_parquet(?) WHERE metric = 'io_length' GROUP BY operation", [buckets]
    ).fetchall()
    one = lambda query, path: run.execute(query, [path]).fetchone()[0]
    types = run.execute("DESCRIBE SELECT * FROM read_parquet(?)", [buckets]).fetchall()
    return {
        "rows": one("SELECT count(*) FROM read_parquet(?)", buckets),
        "by_operation": {name: int(count) for name, count in grouped},
        "first": one("SELECT strftime(min(taken_at), '%Y-%m-%dT%H:%M:%S') || '+00:00' FROM read_parquet(?)", buckets),
        "job": [one("SELECT DISTINCT job FROM read_parquet(?)", buckets)],
        "types": {row[0]: row[1] for row in types},
        "ios": int(one("SELECT sum(ios) FROM read_parquet(?) WHERE operation = 'all'", samples)),
    }


def with_polars(buckets, samples):
    import polars

    sizes = polars.scan_parquet(buckets).filter(polars.col("metric") == "io_length").collect()
    grouped = sizes.group_by("operation").agg(polars.col("count").sum())
    of_samples = polars.read_parquet(samples).filter(polars.col("operation") == "all")
    return {
        "rows": polars.read_parquet(buckets).height,
        "by_operation": dict(grouped.iter_rows()),
        "first": sizes["taken_at"].min().isoformat(),
        "job": sizes["job"].unique().to_list(),
        "types": {name: str(dtype) for name, dtype in sizes.schema.items()},
        "ios": of_samples["ios"].sum(),
    }


LIBRARIES = {"pyarrow": with_pandas, "duckdb": with_duckdb, "polars": with_polars}

if __name__ == "__main__":
    library, *paths = sys.argv[1:]
    print(json.dumps(LIBRARIES[library](*paths)))
