r"""The snapshot file: a few header lines, and then what vscsiStats printed, byte for byte.

`output_bytes` is always the last header line and tells where the output ends, so a torn file is recognised without its
checksum. In texts a backslash, a line feed and a carriage return are written `\\`, `\n` and `\r`.
"""

import re

from . import identifier, moment
from .plain import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host.resolve import ResolvedDisk

VERSION_MAJOR = 1

# What a reader has to know, in the order of the header.
FLAGS = ("late", "gap", "failed", "retried", "new_baseline", "resumed", "restarted", "foreign", "undated", "traced",
         "timed")

_FILE_NAME = re.compile(r"sample_(\d{3,10})\.csv\Z", re.ASCII)
_LINE = re.compile(rb"# ([^:\n]*):(?: )?([^\n]*)\n")

# Lines that hold any text.
_TEXTS = ("boot_id", "host", "vm", "config_file")


class Unreadable(Exception):
    """The file is not a whole snapshot."""


class TooNew(Unreadable):
    """It was written by a program that uses a newer major version, and is no damage."""


def file_name(sequence):
    # type: (int) -> str
    """`sample_000.csv`, with more digits from 1000 on."""
    return "sample_{:03}.csv".format(sequence)


def sequence_of(name):
    # type: (str) -> int | None
    """The sequence of a file name that `file_name` made; `None` for any other name."""
    found = _FILE_NAME.match(name)
    if found is None:
        return None
    sequence = int(found.group(1))
    return sequence if sequence < 1 << 32 and file_name(sequence) == name else None


def write(job, sequence, target, disks, flags, facts, output):
    # type: (str, int, dict, list[ResolvedDisk], set[str], dict, bytes) -> bytes
    """The whole file: its header and then `output` unchanged."""
    lines = [
        ("vscsi-snapshot", "1.0"),
        ("job", job),
        ("sequence", str(sequence)),
        ("taken_at", moment.text(facts["taken_at"])),
        ("monotonic_ms", str(facts["monotonic_ms"])),
        ("duration_ms", str(facts["duration_ms"])),
        ("boot_id", facts["boot_id"]),
        ("host", facts["host"]),
        ("vm", target["vm_name"]),
        ("config_file", target["config_file"]),
        ("world_group_id", target["world_group_id"]),
    ]
    lines.extend(("disk", "{} {}".format(disk.handle_id, disk.node).rstrip()) for disk in disks)
    lines.append(("flags", " ".join(flag for flag in FLAGS if flag in flags)))
    lines.append(("exit_status", "none" if facts["exit_status"] is None else str(facts["exit_status"])))
    lines.append(("output_bytes", str(len(output))))
    header = "".join("# {}: {}\n".format(key, _escaped(value)) for key, value in lines)
    return printable(header) + output


def _escaped(text):
    # type: (str) -> str
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def flags_of(content):
    # type: (bytes) -> set[str]
    """The flags of a snapshot file; raises `Unreadable` when it is not a whole one."""
    fields = []  # type: list[tuple[str, str]]
    position = 0
    while not fields or fields[-1][0] != "output_bytes":
        problem = "its header breaks off before `# output_bytes:`"
        line = _LINE.match(content, position)
        if line is None:
            raise Unreadable(problem if fields else "it does not begin with `# vscsi-snapshot:`")
        try:
            key, value = (part.decode("utf-8") for part in line.groups())
        except UnicodeDecodeError:
            raise Unreadable(problem if fields else "it does not begin with `# vscsi-snapshot:`") from None
        if not fields:
            _check_version(key, value)
        fields.append((key, value))
        position = line.end()
    expected = _number(fields, "output_bytes", 64)
    found = len(content) - position
    if expected != found:
        raise Unreadable("it holds {} bytes of output where its header says {}".format(found, expected))
    return _checked(fields)


def _check_version(key, value):
    # type: (str, str) -> None
    version = re.match(r"(\d{1,9})\.\d{1,9}\Z", value, re.ASCII)
    if key != "vscsi-snapshot" or version is None:
        raise Unreadable("it does not begin with `# vscsi-snapshot:`")
    if int(version.group(1)) > VERSION_MAJOR:
        words = "it has snapshot version {}, and this program reads up to {}.x"
        raise TooNew(words.format(value, VERSION_MAJOR))


def _checked(fields):
    # type: (list[tuple[str, str]]) -> set[str]
    """The flags, after every line that has to be there was looked at."""
    flags = set(_value(fields, "flags").split())
    for key, value in fields:
        if key == "disk" and identifier.number(value.partition(" ")[0], 64) is None:
            raise _malformed(key, value)
    status = _value(fields, "exit_status")
    if status != "none" and re.match(r"-?\d{1,10}\Z", status, re.ASCII) is None:
        raise _malformed("exit_status", status)
    if not identifier.is_name(_value(fields, "job")):
        raise _malformed("job", _value(fields, "job"))
    _number(fields, "sequence", 32)
    try:
        moment.parse(_value(fields, "taken_at"))
    except ValueError:
        raise _malformed("taken_at", _value(fields, "taken_at")) from None
    for key in ("monotonic_ms", "duration_ms", "world_group_id"):
        _number(fields, key, 64)
    for key in _TEXTS:
        _value(fields, key)
    return flags


def _value(fields, key):
    # type: (list[tuple[str, str]], str) -> str
    for found, value in fields:
        if found == key:
            return value
    raise Unreadable("its header has no `{}`".format(key))


def _number(fields, key, bits):
    # type: (list[tuple[str, str]], str, int) -> int
    value = _value(fields, key)
    found = identifier.number(value, bits)
    if found is None:
        raise _malformed(key, value)
    return found


def _malformed(key, value):
    # type: (str, str) -> Unreadable
    return Unreadable("its header line `{}: {}` cannot be read".format(key, value[:80]))
