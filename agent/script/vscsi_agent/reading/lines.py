"""The output of `vscsiStats -p` line by line: the way that gets along with everything.

Whatever the bytes, every complete histogram is found, and there is a finding for everything that could not be used. A
histogram that was begun before for a disk of the current print begins the next one, whether or not it became complete:
a damaged print must not be filled up from the one after it.
"""

import re

from .. import identifier
from ..plain import excerpt
from .findings import Findings
from .kinds import INDEX, KINDS
from .listing import LONGEST

# Far above the 34 buckets of the largest known histogram, and low enough that no input fills the memory.
_MOST_BUCKETS = 1024

_BEGINNING = b"Histogram: "
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BLANKS = b" \t\n\x0c\r"

# CSV uses a comma between key and value; no title holds a comma.
_CSV_TITLE = re.compile(
    rb"([^,]*),virtual machine worldGroupID,(\d+),virtual disk handleID,(\d+)((?: \([^)]*\))?)\Z", re.DOTALL
)
# The shorter shape is what scripts of the ESX 4.x era match; the longer one is from memory of later hosts.
_TEXT_TITLE = re.compile(
    rb"(.*?)(?: for virtual machine)? worldGroupID : (\d+), virtual disk handleID : (\d+)((?: \([^)]*\))?)\s*\{?\Z",
    re.DOTALL,
)
_FIELD = re.compile(rb"(min|max|mean|count)\s*[,:]\s*(.*)\Z", re.DOTALL)
_CSV_ROW = re.compile(rb"(\d+)\s*,\s*(-?\d+)\Z")
_TEXT_ROW = re.compile(rb"(\d+)\s*\((<=|>)\s*(-?\d+)\)\Z")
_DECORATION = (b"Frequency,Histogram Bucket Limit", b"{", b"}")


class PrintedDisk(object):
    """What one print has of a disk: the kinds of histograms that are complete, and the commands of the first kind."""

    def __init__(self):
        # type: () -> None
        self.kinds = set()  # type: set[int]
        self.commands = None  # type: int | None

    def is_whole(self):
        # type: () -> bool
        """Every histogram is there."""
        return len(self.kinds) == len(KINDS)


class Parsed(object):
    """The prints in order, each with its disks by world group and handle."""

    def __init__(self):
        # type: () -> None
        self.prints = []  # type: list[dict[tuple[int, int], PrintedDisk]]
        self.diagnostics = []  # type: list[str]

    def disks(self, handle_id):
        # type: (int) -> list[PrintedDisk]
        """What the prints have of the disks with this handle."""
        return [disk for disks in self.prints for key, disk in disks.items() if key[1] == handle_id]


class _Block(object):
    """A histogram while its lines come in, and the rules for when it is complete."""

    def __init__(self, kind, is_csv, line):
        # type: (int, bool, int) -> None
        self.kind = kind
        self.title = KINDS[kind][0]
        self.known = KINDS[kind][1]  # type: tuple[int, ...]
        self.is_csv = is_csv
        self.line = line
        self.fields = set()  # type: set[bytes]
        self.limits = []  # type: list[int]
        self.counts = []  # type: list[int]

    def incomplete(self):
        # type: () -> str
        return "histogram `{}` is incomplete and left out".format(self.title)

    def not_increasing(self):
        # type: () -> str
        return "histogram `{}` has bucket limits that do not grow and is left out".format(self.title)

    def no_overflow(self):
        # type: () -> str
        return "histogram `{}` has no overflow bucket and is left out".format(self.title)

    def breaks_off(self):
        # type: () -> bool
        """The rows so far are the beginning of the known ones and not all of them."""
        length = len(self.limits)
        return length < len(self.known) and tuple(self.limits) == self.known[:length]

    def ended_by_title(self):
        # type: () -> str
        if not self.limits or len(self.fields) < 4 or self.breaks_off():
            return self.incomplete()
        return self.no_overflow()


class _LeftOut(Exception):
    """The block cannot become a histogram; the message is the finding, and `line` says that the line is odd as well."""

    def __init__(self, finding, also=None):
        # type: (str, str | None) -> None
        Exception.__init__(self, finding)
        self.finding = finding
        self.also = also


class Reader(object):
    """Lines in, prints and findings out."""

    def __init__(self):
        # type: () -> None
        self._parsed = Parsed()
        self._findings = Findings()
        self._line = 0
        # `None` before the first histogram and between two, or the histogram at hand, or that one is left out.
        self._block = None  # type: _Block | None
        self._left_out = False
        self._begun_any = False
        self._preamble_told = False
        self._begun = {}  # type: dict[tuple[int, int], set[int]]
        self._print = {}  # type: dict[tuple[int, int], PrintedDisk]
        self._disk = PrintedDisk()

    def read(self, output):
        # type: (bytes) -> Parsed
        """Reads a whole output."""
        pieces = _LINE_END.split(output)
        last = pieces.pop()
        for piece in pieces:
            self._next_line(piece, True)
        if last:
            self._next_line(last, False)
        if not self._begun_any:
            self._findings.report(1, "no vscsiStats histogram was found")
        if self._block is not None:
            self._findings.report(self._block.line, self._block.incomplete())
        self._finish_print()
        self._parsed.diagnostics = self._findings.told()
        return self._parsed

    def _next_line(self, line, ended):
        # type: (bytes, bool) -> None
        """Counts and reads a line; `ended` is false for the last line of an output that has no line end there."""
        self._line += 1
        line = line[:LONGEST]
        if line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        line = line.strip(_BLANKS)
        # An output that broke off without a line end and was continued by the next one shares a line with it.
        at = line.rfind(_BEGINNING)
        if at > 0:
            self._read_line(line[:at].rstrip(_BLANKS), False)
            line = line[at:]
        self._read_line(line, ended)

    def _read_line(self, line, ended):
        # type: (bytes, bool) -> None
        if not line:
            return
        if line.startswith(_BEGINNING):
            self._title(line[len(_BEGINNING):], line)
        elif self._block is not None:
            self._in_block(self._block, line, ended)
        elif self._left_out:
            if _shape(line) is None:
                self._unexpected(line)
        elif self._begun_any:
            if line not in _DECORATION:
                self._unexpected(line)
        elif not self._preamble_told:
            self._preamble_told = True
            self._unexpected(line)

    def _title(self, text, line):
        # type: (bytes, bytes) -> None
        if self._block is not None:
            self._findings.report(self._block.line, self._block.ended_by_title())
        self._block, self._left_out, self._begun_any = None, True, True
        csv = _CSV_TITLE.match(text)
        found = csv or _TEXT_TITLE.match(text)
        if found is None:
            self._unexpected(line)
            return
        ids = []
        for digits in found.groups()[1:3]:
            number = identifier.number(digits.decode("ascii"), 64)
            if number is None:
                self._bad_number(digits)
                return
            ids.append(number)
        kind = INDEX.get(found.group(1))
        if kind is None:
            self._report("unknown histogram `{}`".format(excerpt(found.group(1))))
            return
        self._begin((ids[0], ids[1]), kind)
        self._block, self._left_out = _Block(kind, csv is not None, self._line), False

    def _begin(self, disk, kind):
        # type: (tuple[int, int], int) -> None
        if kind in self._begun.get(disk, ()):
            self._finish_print()
        self._begun.setdefault(disk, set()).add(kind)
        self._disk = self._print.setdefault(disk, PrintedDisk())

    def _finish_print(self):
        # type: () -> None
        """Ends the current print; disks without a complete histogram are left out."""
        disks = {key: disk for key, disk in self._print.items() if disk.kinds}
        if disks:
            self._parsed.prints.append(disks)
        self._print, self._begun = {}, {}

    def _in_block(self, block, line, ended):
        # type: (_Block, bytes, bool) -> None
        try:
            if self._take(block, line):
                self._close(block, not ended)
            elif not ended:
                # What an unfinished line says is not to be trusted, and the block it leaves open says enough.
                raise _LeftOut(block.incomplete())
        except _LeftOut as problem:
            self._block, self._left_out = None, True
            if not ended and problem.also is not None:
                self._findings.report(block.line, block.incomplete())
                return
            self._findings.report(block.line, problem.finding)
            if problem.also is not None:
                self._report(problem.also)

    def _take(self, block, line):
        # type: (_Block, bytes) -> bool
        """Takes a line; true when it was the overflow row, so that the block has all its rows."""
        if line in _DECORATION:
            return False
        field = _FIELD.match(line)
        if field is not None:
            self._field(block, field.group(1), field.group(2), line)
            return False
        csv, text = _CSV_ROW.match(line), _TEXT_ROW.match(line)
        if csv is None and text is None:
            raise _LeftOut(block.incomplete(), _odd(line))
        row = csv or text
        limit_text = row.group(2) if csv is not None else row.group(3)  # type: ignore[union-attr]
        count = identifier.number(row.group(1).decode("ascii"), 64)  # type: ignore[union-attr]
        limit = _signed(limit_text)
        if limit is None or count is None:
            raise _LeftOut(block.incomplete(), _not_a_number(limit_text if limit is None else line.split(b",")[0]))
        if block.is_csv != (csv is not None):
            raise _LeftOut(block.incomplete(), _odd(line))
        return self._row(block, count, limit, text is not None and text.group(2) == b">")

    def _field(self, block, key, value, line):
        # type: (_Block, bytes, bytes, bytes) -> None
        """The summary lines come once each, and before the rows."""
        number = identifier.number(value.decode("ascii", "replace"), 64) if key == b"count" else _signed(value)
        if number is None:
            raise _LeftOut(block.incomplete(), _not_a_number(value))
        if key in block.fields or block.limits:
            raise _LeftOut(block.incomplete(), _odd(line))
        block.fields.add(key)

    @staticmethod
    def _row(block, count, limit, above):
        # type: (_Block, int, int, bool) -> bool
        """In CSV the overflow bucket is the row that repeats the limit before it; plain text marks it."""
        last = block.limits[-1] if block.limits else None
        if above and last != limit:
            raise _LeftOut(block.no_overflow())
        if last == limit and (block.is_csv or above):
            block.counts.append(count)
            return True
        if last is not None and limit <= last:
            raise _LeftOut(block.not_increasing())
        if len(block.limits) == _MOST_BUCKETS:
            raise _LeftOut("histogram `{}` has too many buckets and is left out".format(block.title))
        block.limits.append(limit)
        block.counts.append(count)
        return False

    def _close(self, block, cut_short):
        # type: (_Block, bool) -> None
        """Turns a block with all its rows into a histogram.

        `cut_short` says that the last row has no line end. A CSV row such as `7,10` cut to `7,1` then looks like the
        overflow of a row `3,1` before it, so only the known limits are believed.
        """
        if len(block.fields) < 4:
            raise _LeftOut(block.incomplete())
        is_known = tuple(block.limits) == block.known
        if block.is_csv and not is_known:
            if cut_short:
                raise _LeftOut(block.incomplete())
            # The beginning of the known limits with one of them printed twice is damage and not a new version.
            if block.breaks_off():
                raise _LeftOut(block.not_increasing())
        self._block = None
        if not is_known:
            words = "histogram `{}` has bucket limits that no known vscsiStats prints"
            self._findings.report(block.line, words.format(block.title))
        self._disk.kinds.add(block.kind)
        if block.kind == 0:
            self._disk.commands = min(sum(block.counts), (1 << 64) - 1)

    def _unexpected(self, line):
        # type: (bytes) -> None
        self._report(_odd(line))

    def _bad_number(self, digits):
        # type: (bytes) -> None
        self._report(_not_a_number(digits))

    def _report(self, words):
        # type: (str) -> None
        self._findings.report(self._line, words)


def _shape(line):
    # type: (bytes) -> object
    """The line is built like one of a histogram."""
    return line in _DECORATION or _FIELD.match(line) or _CSV_ROW.match(line) or _TEXT_ROW.match(line) or None


def _odd(line):
    # type: (bytes) -> str
    return "unexpected line `{}`".format(excerpt(line))


def _not_a_number(digits):
    # type: (bytes) -> str
    return "`{}` is not a number that fits 64 bits".format(excerpt(digits))


def _signed(text):
    # type: (bytes) -> int | None
    """Digits with an optional minus sign that fit a signed 64-bit number."""
    if re.match(rb"-?\d{1,40}\Z", text) is None:
        return None
    value = int(text)
    return value if -(1 << 63) <= value < 1 << 63 else None
