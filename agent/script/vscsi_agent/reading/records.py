"""Entries of esxcli's lists: blocks of `Key: value` lines, and tables with a line of dashes."""

import re

from .. import identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .findings import Findings

    Lines = list[tuple[int, str]]


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

    def required_number(self, key, bits, findings):
        # type: (str, int, Findings) -> int | None
        """The same where the record is none without it."""
        return None if self.required(key, findings) is None else self.number(key, bits, findings)

    def _field(self, key):
        # type: (str) -> tuple[int, str | None]
        for line, found, value in self.fields:
            if _same_key(found, key):
                return line, value.strip() or None
        return self.line, None


def _same_key(one, other):
    # type: (str, str) -> bool
    """`VMX Cartel ID` and `VMXCartelID` are one key."""
    return one == other or _significant(one) == _significant(other)


def _significant(key):
    # type: (str) -> str
    return key.replace(" ", "").replace("-", "").lower()


def blocks(lines, findings):
    # type: (Lines, Findings) -> list[Record]
    """Blocks of indented `Key: value` lines, each below a heading at the first column. A blank line ends one."""
    records = []  # type: list[Record]
    is_open = False
    for number, line in lines:
        if not line.strip():
            is_open = False
        elif not line.startswith((" ", "\t")):
            records.append(Record(number, line.rstrip()))
            is_open = True
        elif ":" in line:
            if not is_open:
                records.append(Record(number))
                is_open = True
            key, _, value = line.partition(":")
            records[-1].fields.append((number, key.strip(), value))
        else:
            findings.unexpected(number, line)
    # A shell prompt or an error message stands at the first column and has no fields below it.
    for record in records:
        if not record.fields:
            findings.unexpected(record.line, record.heading)
    return [record for record in records if record.fields]


def table(lines, loose, findings):
    # type: (Lines, str, Findings) -> list[Record]
    """The rows of a table. Cells are cut where the dashes are, because a cell may be empty or hold blanks.

    A row whose cells do not stand below their dashes is cut at its blanks instead; `loose` names the only column that
    may then be empty or hold blanks.
    """
    columns = []  # type: list[tuple[str, int, int]]
    records = []
    before = None  # type: tuple[int, str] | None
    for number, line in lines:
        if not line.strip():
            continue
        if columns:
            cells = _aligned(line, columns, loose) or _by_blanks(line, columns, loose)
            if cells is None:
                findings.unexpected(number, line)
                continue
            record = Record(number)
            record.fields = [(number, column[0], cell) for column, cell in zip(columns, cells)]
            records.append(record)
        elif before is not None and re.match(r"[- ]*--[- ]*\Z", line) is not None:
            columns = _cut_columns(before[1], line)
        else:
            if before is not None:
                findings.unexpected(*before)
            before = (number, line)
    if not columns and before is not None:
        findings.unexpected(*before)
    return records


def _cut_columns(titles, dashes):
    # type: (str, str) -> list[tuple[str, int, int]]
    groups = re.finditer("-+", dashes)
    return [(titles[group.start():group.end()].strip(), group.start(), group.end()) for group in groups]


def _aligned(line, columns, loose):
    # type: (str, list[tuple[str, int, int]], str) -> list[str] | None
    """The cells below the dashes; `None` when something stands between two columns."""
    start = 0
    cells = []
    for title, begin, end in columns:
        if line[start:begin].strip():
            return None
        cell = line[begin:end].strip()
        # In a row that is shifted by less than a gap, one column would swallow pieces of two.
        if title != loose and " " in cell:
            return None
        cells.append(cell)
        start = end
    # Only the last column may be wider than its dashes promise, and then it is not cut.
    cells[-1] = line[columns[-1][1]:].strip()
    return cells


def _by_blanks(line, columns, loose):
    # type: (str, list[tuple[str, int, int]], str) -> list[str] | None
    """One word per column from both ends; what is left in the middle is the loose column's."""
    titles = [title for title, _, _ in columns]
    if loose not in titles:
        return None
    position = titles.index(loose)
    left = line.strip().split(None, position)
    if len(left) != position + 1:
        return None
    after = len(columns) - position - 1
    right = left[position].rsplit(None, after)
    if len(right) < after:
        return None
    rest = right if len(right) > after else [""] + right
    return left[:position] + rest
