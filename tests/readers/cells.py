"""Prints what stands in a Parquet file as JSON: its cells as texts, the keys and values of its metadata, and its first moment.

usage: cells.py TABLE.parquet
"""

import json
import sys

import duckdb

run = duckdb.connect()
run.execute("SET TimeZone = 'UTC'")
rows = lambda query: run.execute(query, [sys.argv[1]]).fetchall()
print(
    json.dumps(
        {
            "cells": sorted({str(cell) for row in rows("SELECT * FROM read_parquet(?)") for cell in row}),
            "metadata": [str(cell) for row in rows("SELECT * FROM parquet_kv_metadata(?)") for cell in row],
            "first": rows("SELECT CAST(min(taken_at) AS VARCHAR) FROM read_parquet(?)")[0][0],
        }
    )
)
