"""Reads exported tables and a trace with one of the libraries people use, and prints what it found as JSON.

usage: read.py LIBRARY BUCKETS.parquet SAMPLES.parquet BUCKETS.csv BUCKETS.json TRACE.csv.gz

Prints: rows, count of the filtered and grouped block sizes by operation of each form, the first moment in ISO form with
its offset, the types of the columns, the I/Os of the table of samples, and the bytes of the traced commands.
"""

import json
import sys


def with_pandas(buckets, samples, as_csv, as_json, trace):
    import pandas
    import pyarrow.parquet

    wanted = [("metric", "==", "io_length")]
    # Filters at reading are what string views broke: pandas hands them to pyarrow.
    sizes = pandas.read_parquet(buckets, filters=wanted)
    table = pyarrow.parquet.read_table(buckets)
    # So are a filter and an order of a table in memory.
    in_memory = table.filter(pyarrow.compute.equal(table["metric"], "io_length")).sort_by("operation")
    of = lambda sizes: {name: int(count) for name, count in sizes.groupby("operation")["count"].sum().items()}
    by_operation = of(sizes)
    assert by_operation == of(in_memory.to_pandas())
    of_all = lambda table: of(table[table["metric"] == "io_length"])
    of_samples = pandas.read_parquet(samples)
    return {
        "rows": len(pandas.read_parquet(buckets)),
        "by_operation": by_operation,
        "by_operation_of_csv": of_all(pandas.read_csv(as_csv, parse_dates=["taken_at"])),
        "by_operation_of_json": of_all(pandas.read_json(as_json)),
        "first": sizes["taken_at"].min().isoformat(),
        "job": sizes["job"].unique().tolist(),
        "types": {field.name: str(field.type) for field in table.schema},
        "unit": table.schema.field("seconds").metadata[b"unit"].decode(),
        "ios": int(of_samples[of_samples["operation"] == "all"]["ios"].sum()),
        # The names of the columns stand below a line that says what the file is.
        "traced_bytes": int(pandas.read_csv(trace, skiprows=1)["IO Data Length"].sum()),
    }


def with_duckdb(buckets, samples, as_csv, as_json, trace):
    import duckdb

    run = duckdb.connect()
    # A fixed zone, so that the offset of the text does not depend on the machine.
    run.execute("SET TimeZone = 'UTC'")

    def by_operation(reader, path):
        query = f"SELECT operation, sum(count) FROM {reader}(?) WHERE metric = 'io_length' GROUP BY operation"
        return {name: int(count) for name, count in run.execute(query, [path]).fetchall()}

    one = lambda query, path: run.execute(query, [path]).fetchone()[0]
    types = run.execute("DESCRIBE SELECT * FROM read_parquet(?)", [buckets]).fetchall()
    return {
        "rows": one("SELECT count(*) FROM read_parquet(?)", buckets),
        "by_operation": by_operation("read_parquet", buckets),
        "by_operation_of_csv": by_operation("read_csv", as_csv),
        "by_operation_of_json": by_operation("read_json", as_json),
        "first": one("SELECT strftime(min(taken_at), '%Y-%m-%dT%H:%M:%S') || '+00:00' FROM read_parquet(?)", buckets),
        "job": [one("SELECT DISTINCT job FROM read_parquet(?)", buckets)],
        "types": {row[0]: row[1] for row in types},
        "ios": int(one("SELECT sum(ios) FROM read_parquet(?) WHERE operation = 'all'", samples)),
        "traced_bytes": int(one('SELECT sum("IO Data Length") FROM read_csv(?)', trace)),
    }


def with_polars(buckets, samples, as_csv, as_json, trace):
    import polars

    sizes = polars.scan_parquet(buckets).filter(polars.col("metric") == "io_length").collect()
    of = lambda sizes: dict(sizes.group_by("operation").agg(polars.col("count").sum()).iter_rows())
    of_all = lambda table: of(table.filter(polars.col("metric") == "io_length"))
    of_samples = polars.read_parquet(samples).filter(polars.col("operation") == "all")
    return {
        "rows": polars.read_parquet(buckets).height,
        "by_operation": of(sizes),
        "by_operation_of_csv": of_all(polars.read_csv(as_csv)),
        "by_operation_of_json": of_all(polars.read_json(as_json)),
        "first": sizes["taken_at"].min().isoformat(),
        "job": sizes["job"].unique().to_list(),
        "types": {name: str(dtype) for name, dtype in sizes.schema.items()},
        "ios": of_samples["ios"].sum(),
        "traced_bytes": polars.read_csv(trace, skip_rows=1)["IO Data Length"].sum(),
    }


LIBRARIES = {"pyarrow": with_pandas, "duckdb": with_duckdb, "polars": with_polars}

if __name__ == "__main__":
    library, *paths = sys.argv[1:]
    print(json.dumps(LIBRARIES[library](*paths)))
