"""What is answered to requests that change nothing: from views, spool, log and host, without the collector."""

from collections import OrderedDict

from .. import VERSION, jsonfile, moment
from ..files import reason
from ..host.inventory import inventory
from ..spool import SpoolError
from ..wire import API, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from .server import Context

CAPABILITIES = ["bundle", "schedules", "restart_mode"]


class Answer(object):
    """An answer on its way out; its body comes in pieces, and `length` is that of all of them."""

    def __init__(self, status, content_type, pieces, length, more=""):
        # type: (int, str, Iterator[bytes], int, str) -> None
        self.status = status
        self.content_type = content_type
        self.pieces = pieces
        self.length = length
        # One more header field.
        self.more = more


def whole(status, content_type, body, more=""):
    # type: (int, str, bytes, str) -> Answer
    """An answer whose body is there already."""
    return Answer(status, content_type, iter((body,)), len(body), more)


def json(status, value):
    # type: (int, Any) -> Answer
    """An answer in JSON."""
    return whole(status, "application/json", jsonfile.compact(value))


def read(context, what, arguments):
    # type: (Context, str, list) -> Answer
    """Answers one of the routes that change nothing."""
    if what == "sample":
        return _sample(context, *arguments)
    if what == "bundle":
        return _bundle(context, *arguments)
    if what == "log":
        return whole(200, "text/plain; charset=utf-8", _log(context, *arguments))
    if what == "info":
        return json(200, _info(context))
    if what == "health":
        return json(200, _health(context))
    if what == "inventory":
        with context.inventory:
            return json(200, inventory(context.equipment.host, context.host_root))
    if what == "jobs":
        return json(200, {"jobs": context.equipment.views.jobs()})
    if what == "schedules":
        return json(200, {"schedules": context.equipment.views.schedules()})
    if what == "manifest":
        return json(200, _manifest(context, *arguments))
    return json(200, _job(context, *arguments))


def _job(context, job):
    # type: (Context, str) -> dict
    view = context.equipment.views.job(job)
    if view is None:
        raise Refusal("not_found", "there is no job {} in the spool".format(job))
    return view


def _info(context):
    # type: (Context) -> dict
    equipment = context.equipment
    clock = equipment.clock
    reading = [("wall", moment.text(clock.wall())), ("monotonic_ms", clock.monotonic_ms())]
    return OrderedDict(
        [
            ("version", VERSION),
            ("api", API),
            ("capabilities", CAPABILITIES),
            ("boot_id", equipment.boot.id),
            ("hostname", equipment.hostname),
            ("esxi_version", context.esxi_version),
            ("clock", OrderedDict(reading)),
        ]
    )


def _health(context):
    # type: (Context) -> dict
    equipment = context.equipment
    problems = equipment.views.problems()
    return OrderedDict(
        [
            ("ok", not problems),
            ("problems", problems),
            ("running_jobs", equipment.views.running_jobs()),
            ("spool_bytes", equipment.spool.used_bytes()),
            ("spool_limit_bytes", equipment.spool.limit_bytes),
        ]
    )


def _log(context, lines):
    # type: (Context, int) -> bytes
    try:
        return context.equipment.log.tail(lines)
    except OSError as error:
        raise Refusal("internal", "the log cannot be read: {}".format(reason(error))) from None


def _manifest(context, job, first):
    # type: (Context, str, int) -> dict
    _job(context, job)
    return context.equipment.spool.manifest(job, first)


def _snapshot(context, job, sequence):
    # type: (Context, str, int) -> bytes
    try:
        return context.equipment.spool.read_snapshot(job, sequence)
    except SpoolError as error:
        if error.kind == "missing":
            raise Refusal("not_found", str(error)) from None
        raise Refusal("spool", str(error), "ask for the manifest again") from None


def _sample(context, job, sequence, skip):
    # type: (Context, str, int, int | None) -> Answer
    content = _snapshot(context, job, sequence)
    if skip is None:
        return whole(200, "text/csv", content)
    total = len(content)
    if skip >= total:
        words = "the snapshot has {} bytes, so none to send from {} on"
        raise Refusal("bad_request", words.format(total, skip))
    more = "Content-Range: bytes {}-{}/{}".format(skip, total - 1, total)
    return whole(206, "text/csv", content[skip:], more)


def _bundle(context, job, first, skip):
    # type: (Context, str, int, int) -> Answer
    """Snapshot files one after another, each below a line that names it. One at a time is in memory."""
    entries = _manifest(context, job, first)["samples"]
    parts = []
    for position, entry in enumerate(entries):
        skipped = min(skip, entry["bytes"]) if position == 0 else 0
        line = jsonfile.compact(OrderedDict([("file", entry), ("skipped", skipped)])) + b"\n"
        parts.append((entry["sequence"], line, skipped))
    length = sum(len(line) - skipped for _, line, skipped in parts) + sum(entry["bytes"] for entry in entries)

    def pieces():
        # type: () -> Iterator[bytes]
        for sequence, line, skipped in parts:
            # A file that is corrupt breaks the bundle off: the client asks for the manifest again.
            yield line + _snapshot(context, job, sequence)[skipped:]

    return Answer(200, "application/vnd.vscsi-bundle", pieces(), length)
