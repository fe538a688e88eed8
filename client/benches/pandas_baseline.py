"""What a user would do with a job's snapshots in pandas: read them, take differences, keep the busy samples.

Usage: pandas_baseline.py SAMPLES_DIRECTORY. Prints one JSON object with the numbers and the seconds it took.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd

LENGTHS = "IO lengths of commands"
READ_LENGTHS = "IO lengths of Read commands"
SEEKS = "distance (in LBNs) between successive commands"


def read(path):
    """The rows of one snapshot: sample, time, disk, histogram, bucket, limit, count."""
    rows = []
    sample = int(path.stem.split("_")[1])
    title = disk = None
    bucket = milliseconds = 0
    in_rows = False
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            if line.startswith("# monotonic_ms: "):
                milliseconds = int(line.split(": ")[1])
        elif line.startswith("Histogram: "):
            fields = line[len("Histogram: ") :].split(",")
            title, disk = fields[0], fields[-1].split()[0]
            in_rows = False
        elif line.startswith("Frequency,"):
            in_rows, bucket = True, 0
        elif in_rows:
            count, limit = line.split(",")
            rows.append((sample, milliseconds, disk, title, bucket, int(limit), int(count)))
            bucket += 1
    return rows


def main():
    began = time.perf_counter()
    columns = ["sample", "milliseconds", "disk", "histogram", "bucket", "limit", "count"]
    frames = []
    for path in sorted(Path(sys.argv[1]).glob("sample_*.csv"), key=lambda path: int(path.stem.split("_")[1])):
        frames.append(pd.DataFrame(read(path), columns=columns).astype({"histogram": "category", "disk": "category"}))
    table = pd.concat(frames, ignore_index=True)
    table["histogram"] = table["histogram"].astype("category")
    table["disk"] = table["disk"].astype("category")
    table = table.sort_values(["disk", "histogram", "bucket", "sample"], kind="stable")
    times = table.drop_duplicates("sample").set_index("sample")["milliseconds"].sort_index()
    seconds = times.diff() / 1000.0
    table["count"] = table.groupby(["disk", "histogram", "bucket"], observed=True)["count"].diff()
    table = table.dropna(subset=["count"])

    lengths = table[table["histogram"] == LENGTHS]
    ios = lengths.groupby("sample")["count"].sum()
    iops = (ios / seconds.reindex(ios.index)).reset_index(name="iops")
    drop = int(len(iops) * 25 // 100)
    kept = iops.sort_values(["iops", "sample"], ascending=[False, True]).head(len(iops) - drop)["sample"]
    chosen = table[table["sample"].isin(kept)]

    total = chosen.loc[chosen["histogram"] == LENGTHS, "count"].sum()
    reads = chosen.loc[chosen["histogram"] == READ_LENGTHS, "count"].sum()
    seeks = chosen[chosen["histogram"] == SEEKS]
    # Position decides: the overflow bucket repeats the last limit.
    sequential = seeks.loc[seeks["limit"] == 1, "count"].sum()
    result = {
        "samples_kept": len(kept),
        "ios": int(total),
        "reads": int(reads),
        "iops": float(total / seconds.reindex(kept).sum()),
        "sequential_percent": float(100.0 * sequential / seeks["count"].sum()),
        "seconds": time.perf_counter() - began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
