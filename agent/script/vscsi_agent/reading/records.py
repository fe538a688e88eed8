"""Entries of esxcli's lists: blocks of `Key: value` lines, and tables with a line of dashes."""

import re

from .. import identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .findings import Findings, Line

# No list of esxcli has more columns. A line of more groups of dashes is no table, and its rows would take long.
_MOST_COLUMNS = 64

# What separates two cells, at the least. A cell holds no such gap, though it may hold single blanks.
_GAP = "  "


class Record(object):
    """Keys with their values, in the order printed; `heading` is the line above them, where there is one."""

    def __init__(self, line, heading=""):
        # type: (int, str) -> None
        self.line = line
        self.heading = heading
        self.fields = []  # type: list[tuple[int, str, str]]

    def get(self, key):
        # type: (str) -> str | None
        """The value of `key`, blanks at its ends removed; `None` when it is absent or empty."""
        return self._field(key)[1]

    def required(self, key, findings):
        # type: (str, Findings) -> str | None
        """The value of a key that makes the record what it is; its absence is reported."""
        value = self.get(key)
        if value is None:
            findings.missing(self.line, key)
        return value

    def number(self, key, bits, findings):
        # type: (str, int, Findings) -> int | None
        """A number that a host may leave out; only an unreadable one is reported."""
        line, value = self._field(key)
        if value is None:
            return None
        found = identifier.number(value, bits)
        if found is None:
            findings.bad_value(line, key, value)
        return found

    def flag(self, key, findings):
        # type: (str, Findings) -> bool | None
        """A flag, in the same way."""
        line, value = self._field(key)
        if value not in (None, "true", "false"):
            findings.bad_value(line, key, value or "")
        return None if value is None else value == "true"

    def _field(self, key):
        # type: (str) -> tuple[int, str | None]
        for line, found, value in self.fields:
            if found == key:
                return line, value.strip() or None
        return self.line, None


def blocks(lines, findings):
    # type: (list[Line], Findings) -> list[Record]
    """Blocks of indented `Key: value` lines, each below a heading at the first column. A blank line ends one."""
    records = []  # type: list[Record]
    is_open = False
    for line in lines:
        if not line.text.strip():
            is_open = False
        elif not line.text.startswith((" ", "\t")):
            records.append(Record(line.number, line.text.rstrip()))
            is_open = True
        elif ":" in line.text:
            if not is_open:
                records.append(Record(line.number))
                is_open = True
            key, _, value = line.text.partition(":")
            if line.ended:
                records[-1].fields.append((line.number, key.strip(), value))
            else:
                findings.cut_short(line.number, value)
        else:
            findings.unexpected(line.number, line.text)
    # A shell prompt or an error message stands at the first column and has no fields below it.
    for record in records:
        if not record.fields:
            findings.unexpected(record.line, record.heading)
    return [record for record in records if record.fields]


def table(lines, findings):
    # type: (list[Line], Findings) -> list[Record]
    """The rows of a table. Any cell may be empty or hold blanks.

    Cells are cut where the dashes are; a cell wider than its dashes moves those behind it. A row that does not stand
    below its dashes (an edited or re-typed output) is cut at its gaps, when that gives one cell for each column. Any
    other row is reported.
    """
    columns = []  # type: list[tuple[str, int, int]]
    records = []
    # The line before, which the dashes turn into the column titles.
    before = None  # type: Line | None
    for line in lines:
        if not line.text.strip():
            continue
        if columns:
            cells = _cells(line.text, columns)
            if cells is None:
                findings.unexpected(line.number, line.text)
            else:
                records.append(_row(line, columns, cells, findings))
            continue
        titles, before = before, line
        if titles is not None:
            columns = _columns_of(titles.text, line.text)
            if not columns:
                findings.unexpected(titles.number, titles.text)
    if not columns and before is not None:
        findings.unexpected(before.number, before.text)
    return records


def _row(line, columns, cells, findings):
    # type: (Line, list[tuple[str, int, int]], list[str], Findings) -> Record
    filled = [place for place, cell in enumerate(cells) if cell]
    if not line.ended and filled:
        findings.cut_short(line.number, cells[filled[-1]])
        cells = cells[:filled[-1]] + [""] * (len(cells) - filled[-1])
    record = Record(line.number)
    record.fields = [(line.number, column[0], cell) for column, cell in zip(columns, cells)]
    return record


def _columns_of(titles, dashes):
    # type: (str, str) -> list[tuple[str, int, int]]
    """The columns that a line of dashes makes of the line above it; none when it is no such line."""
    if re.match(r"[- ]*--[- ]*\Z", dashes) is None or len(dashes.split()) > _MOST_COLUMNS:
        return []
    groups = re.finditer("-+", dashes)
    return [(titles[group.start():group.end()].strip(), group.start(), group.end()) for group in groups]


def _cells(line, columns):
    # type: (str, list[tuple[str, int, int]]) -> list[str] | None
    """One cell for each column; `None` when the row cannot be cut into them."""
    below_dashes = _below_dashes(line, columns)
    if below_dashes is not None and not any(_GAP in cell for cell in below_dashes):
        return below_dashes
    between_gaps = [cell.strip() for cell in line.split(_GAP) if cell.strip()]
    if len(between_gaps) == len(columns):
        return between_gaps
    # More of them come from a name that holds a gap of its own.
    return below_dashes if len(between_gaps) > len(columns) else None


def _below_dashes(line, columns):
    # type: (str, list[tuple[str, int, int]]) -> list[str] | None
    """The cells below the dashes. A cell wider than its dashes ends at a gap, and moves the cells behind it."""
    cells = []
    moved = 0
    for (_, begin, end), (_, next_begin, _) in zip(columns, columns[1:]):
        start, stop = begin + moved, end + moved
        if not line[stop:next_begin + moved].strip():
            cells.append(line[start:stop].strip())
            continue
        # Text in the gap belongs to this cell only when it comes out of it.
        cell, gap, _ = line[start:].partition(_GAP)
        if not line[stop - 1:stop].strip() or not gap or len(cell) < end - begin:
            return None
        cells.append(cell.strip())
        moved += len(cell) - (end - begin)
    cells.append(line[columns[-1][1] + moved:].strip())
    return cells
