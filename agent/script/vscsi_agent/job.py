"""The job: one collection of one VM, as `job.json` holds it, and its state machine."""

import re
from collections import OrderedDict

from . import jsonfile, moment
from .jsonfile import Unreadable
from .shape import Default, Field, Many, Nullable, Shape, count, flag, host_identifier, instant, name, one_of, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The newest format that this program reads, and the version it writes.
FORMAT_MAJOR = 1
FORMAT_VERSION = "1.0"

# Consecutive misses after which a job fails unless asked otherwise.
DEFAULT_MAX_MISSES = 10

STATUSES = ("pending", "running", "completed", "failed", "stopped")
FINAL = ("completed", "failed", "stopped")
_WAYS = {"pending": ("running", "failed", "stopped"), "running": FINAL}


def _format_version(value):
    # type: (Any) -> str
    if re.match(r"\d{1,9}\.\d{1,9}\Z", text(value), re.ASCII) is None:
        raise Unreadable("`{}` is not a format version: expected `major.minor`".format(value[:40]))
    return value


HOST = Shape(
    Field("hostname", text),
    Default("username", Nullable(text), None),
    Default("fingerprint", Nullable(text), None),
)
PROFILE = Shape(Field("name", text), Field("samples", count(32)), Field("interval_seconds", count(32)))
TARGET_DISK = Shape(Field("handle_id", host_identifier), Default("node", text, ""), Default("lun", text, ""))
TARGET = Shape(
    Field("vm_name", text),
    Field("world_group_id", host_identifier),
    Default("config_file", text, ""),
    Field("disks", Many(TARGET_DISK)),
)
MODE = one_of("cumulative", "restart")
COLLECTION_ERROR = Shape(
    Field("at", instant), Default("sequence", Nullable(count(32)), None), Field("message", text)
)
COLLECTION = Shape(
    Default("started_at", Nullable(instant), None),
    Default("completed_at", Nullable(instant), None),
    Field("samples_collected", count(32)),
    Field("samples_expected", count(32)),
    Default("errors", Many(COLLECTION_ERROR), ()),
    Default("mode", MODE, "cumulative"),
    Default("max_misses", count(32), DEFAULT_MAX_MISSES),
    Default("foreign", flag, False),
)
CLEANUP = Shape(
    Field("vscsiStats_stopped", flag),
    Default("stopped_at", Nullable(instant), None),
    Default("cleanup_error", Nullable(text), None),
    Default("manual_cleanup_required", flag, False),
    Default("manual_cleanup_command", Nullable(text), None),
)
JOB = Shape(
    Field("format_version", _format_version),
    Field("job_id", name),
    Field("created_at", instant),
    Field("updated_at", instant),
    Field("status", one_of(*STATUSES)),
    Field("host", HOST),
    Field("target", TARGET),
    Field("profile", PROFILE),
    Field("collection", COLLECTION),
    Field("cleanup", CLEANUP),
)


class Document(object):
    """A job together with the keys of its file that this version does not know.

    Writing gives the unknown keys back, so that an older program does not strip what a newer one recorded.
    """

    def __init__(self, job, original=None):
        # type: (dict, dict | None) -> None
        self.job = job
        self._original = original or {}

    @classmethod
    def from_json(cls, data):
        # type: (bytes) -> Document
        """Reads the content of a `job.json`."""
        original = jsonfile.read(data)
        version = original.get("format_version") if isinstance(original, dict) else None
        if isinstance(version, str):
            major = re.match(r"(\d{1,9})\.\d{1,9}\Z", version, re.ASCII)
            if major is not None and int(major.group(1)) > FORMAT_MAJOR:
                raise Unreadable(
                    "it has format version {0}, and this program reads up to {1}.x: "
                    "use vscsi-helper {0} or newer".format(version, FORMAT_MAJOR)
                )
        return cls(JOB(original), original)

    def to_json(self):
        # type: () -> bytes
        """The content to write: the job's keys over whatever else the file held."""
        return jsonfile.sorted_by_key(overlaid(self._original, self.job))


def overlaid(old, new):
    # type: (Any, Any) -> Any
    """`new` over `old`: objects are merged key by key, everything else is replaced. What a newer version recorded under
    keys of its own stays.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    merged = OrderedDict(old)
    for key, value in new.items():
        merged[key] = overlaid(old.get(key), value)
    return merged


def move(job, status, now):
    # type: (dict, str, int) -> bool
    """Moves a job to `status` and dates the move; `False`, and nothing has changed, when there is no such way."""
    if status not in _WAYS.get(job["status"], ()):
        return False
    job["status"] = status
    job["updated_at"] = moment.text(now)
    if status == "running":
        job["collection"]["started_at"] = moment.text(now)
    if status in FINAL:
        job["collection"]["completed_at"] = moment.text(now)
    return True
