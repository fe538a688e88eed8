"""Reads exported workbooks with pandas and openpyxl, and prints what it found as JSON.

usage: workbook.py BUCKETS.xlsx SAMPLES.xlsx

Prints: the counted block sizes by operation, whether the moments are dates, and of the table of samples the header, the
type of each cell of the first row (d: date, n: number, s: text, f: formula), the text of the VM, what is frozen, what has a
filter, how pages are printed and what stands on each of them, and the I/Os of all operations.
"""

import json
import sys

import openpyxl
import pandas

buckets, samples = sys.argv[1:]
table = pandas.read_excel(buckets)
sizes = table[table["metric"] == "io_length"].groupby("operation")["count (values)"].sum()
sheet = openpyxl.load_workbook(samples).active
header = [cell.value for cell in sheet[1]]
first = dict(zip(header, sheet[2]))
rows = sheet.iter_rows(min_row=2, values_only=True)
rows = [dict(zip(header, row)) for row in rows]
print(
    json.dumps(
        {
            "by_operation": {name: int(count) for name, count in sizes.items()},
            "dated": str(table["taken_at (UTC)"].dtype).startswith("datetime64"),
            "header": header,
            "types": {name: cell.data_type for name, cell in first.items()},
            "vm": first["vm"].value,
            "frozen": sheet.freeze_panes,
            "filter": sheet.auto_filter.ref,
            "paper": [sheet.page_setup.orientation, sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight],
            "on_each_page": [sheet.print_title_rows, sheet.print_title_cols],
            "ios": {row["operation"]: row["ios (I/Os)"] for row in rows},
        }
    )
)
