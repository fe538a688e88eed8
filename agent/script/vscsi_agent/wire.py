"""What agent and client say to each other: requests, the refusal that every error is, and the greeting.

A request with keys that this version does not know is refused at the agent's door and not by the shapes: what was asked
for is stored in the same form, and may be read by an older agent after a downgrade.
"""

from . import VERSION
from .job import DEFAULT_MAX_MISSES, HOST, MODE, PROFILE
from .jsonfile import Unreadable
from .shape import Default, Field, Many, Nullable, Shape, count, flag, host_identifier, instant, name, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Versions of the HTTP API that this program speaks, both inclusive.
API = {"min": 1, "max": 1}

# Kinds of errors and the HTTP status that carries each.
STATUS = {
    # The request is malformed, or has something that this version does not know.
    "bad_request": 400,
    # The request is well formed, and asks for what no job or schedule may have.
    "unacceptable": 400,
    "unauthorized": 401,
    "foreign_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "no_such_target": 422,
    "internal": 500,
    "vscsi_stats": 502,
    "unavailable": 503,
    "spool": 507,
}

_NOBODY = {"hostname": ""}


def _vm(value):
    # type: (Any) -> dict
    """A running VM, by the configuration file that identifies it or by its world group."""
    readers = {"config_file": text, "world_group_id": host_identifier}
    if not isinstance(value, dict) or len(value) != 1:
        raise Unreadable("expected an object with `config_file` or with `world_group_id`")
    (key, wanted), = value.items()
    if key not in readers:
        raise Unreadable("unknown variant `{}`, expected `config_file` or `world_group_id`".format(key[:40]))
    return {key: readers[key](wanted)}


DISK_SELECTOR = Shape(
    Field("handle_id", host_identifier), Default("node", text, ""), Default("lun", text, "")
)
JOB_OPTIONS = Shape(
    Default("mode", MODE, "cumulative"), Default("max_misses", count(32), DEFAULT_MAX_MISSES)
)
CREATE_JOB = Shape(
    Field("name", name),
    Default("host", HOST, _NOBODY),
    Field("vm", _vm),
    Field("disks", Many(DISK_SELECTOR)),
    Field("profile", PROFILE),
    Default("options", JOB_OPTIONS, {}),
)
STOP_JOB = Shape(Default("cleanup", flag, True))
ACKNOWLEDGE = Shape(Field("through", count(32)))
JOB_TEMPLATE = Shape(
    Default("host", HOST, _NOBODY),
    Field("config_file", text),
    Default("vm_name", text, ""),
    Default("disks", Many(DISK_SELECTOR), ()),
    Field("profile", PROFILE),
    Default("options", JOB_OPTIONS, {}),
)
CREATE_SCHEDULE = Shape(Field("name", name), Field("cron", text), Field("job", JOB_TEMPLATE))
STORED_SCHEDULE = Shape(
    Field("schedule", CREATE_SCHEDULE),
    # The moment it waits for, by which an agent that was not there knows what it has missed.
    Default("next_run_at", Nullable(instant), None),
    Default("last_run_at", Nullable(instant), None),
    Default("last_job", Nullable(name), None),
    Default("last_error", Nullable(text), None),
)


class Refusal(Exception):
    """A request that was not done: what kind of error, what happened and why, and what to do next."""

    def __init__(self, code, message, hint=""):
        # type: (str, str, str) -> None
        Exception.__init__(self, message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def status(self):
        # type: () -> int
        """The HTTP status that carries it."""
        return STATUS[self.code]

    def body(self):
        # type: () -> dict
        """The one shape of every error."""
        body = {"code": self.code, "message": self.message}
        if self.hint:
            body["hint"] = self.hint
        return body


def greeting(token, port):
    # type: (str, int) -> dict
    """The first line that `connect` prints, before it becomes a byte bridge."""
    return {"program": "vscsi-agent", "version": VERSION, "api": API, "token": token, "port": port}
