"""`vscsiStats -p`: which histograms were printed completely, and how many commands they hold."""

import re

from .kinds import KINDS
from .lines import Parsed, PrintedDisk, Reader


def _whole_disk():
    # type: () -> bytes
    """What `-p all -c` prints for a disk when nothing is wrong: all of it in one expression.

    Numbers of 19 digits and more are left to the reader of lines, which knows what fits 64 bits.
    """
    pieces = []
    for index, (title, limits) in enumerate(KINDS):
        ids = (rb"(\d{1,18})", rb"(\d{1,18})", rb"((?: \([^)\r\n]*\))?)") if index == 0 else (rb"\1", rb"\2", rb"\3")
        head = b"Histogram: %b,virtual machine worldGroupID,%b,virtual disk handleID,%b%b\n"
        pieces.append(head % ((re.escape(title).encode("ascii"),) + ids))
        pieces.append(rb"min,-?\d{1,18}\nmax,-?\d{1,18}\nmean,-?\d{1,18}\ncount,\d{1,18}\n")
        pieces.append(b"Frequency,Histogram Bucket Limit\n")
        row = rb"(\d{1,18}),%d\n" if index == 0 else rb"\d{1,18},%d\n"
        pieces.extend(row % limit for limit in limits + limits[-1:])
    return b"".join(pieces)


_WHOLE_DISK = re.compile(_whole_disk())


def parse(output):
    # type: (bytes) -> Parsed
    """Reads everything complete. What has not the usual form to the last byte is read line by line."""
    parsed = Parsed()
    position = 0
    while position < len(output):
        disk = _WHOLE_DISK.match(output, position)
        if disk is None:
            return Reader().read(output)
        key = (int(disk.group(1)), int(disk.group(2)))
        if not parsed.prints or key in parsed.prints[-1]:
            parsed.prints.append({})
        whole = PrintedDisk()
        whole.kinds.update(range(len(KINDS)))
        whole.commands = sum(int(frequency) for frequency in disk.groups()[3:])
        parsed.prints[-1][key] = whole
        position = disk.end()
    if not parsed.prints:
        parsed.diagnostics.append("line 1: no vscsiStats histogram was found")
    return parsed
