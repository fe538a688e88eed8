"""The table of routes: from method, path and body to what is asked for."""

import re

from .. import identifier, jsonfile, wire
from ..plain import escaped
from ..wire import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Lines of the log that a client gets unless it asks for another number.
_LOG_LINES = 100

# What is asked for: a name, and its arguments. Actions are performed by the collector, everything else is read.
ACTIONS = ("create", "stop", "cleanup", "delete", "acknowledge", "create_schedule", "delete_schedule")

_KNOWN = re.compile(
    r"(?:info|health|inventory|jobs|schedules|log|(?:jobs|schedules)/[^/]*"
    r"|jobs/[^/]*/(?:stop|cleanup|ack|samples|bundle)|jobs/[^/]*/samples/[^/]*)\Z"
)


def route(method, url, ranges, body):
    # type: (str, str, list[str], bytes) -> tuple[str, list]
    """Finds the route of a request; raises `Refusal` when there is none."""
    path, _, query = url.partition("?")
    if not path.startswith("/v1/"):
        raise _not_found(path)
    below = path[len("/v1/"):]
    segments = below.split("/")
    found = None
    if method == "GET":
        found = _get(segments, _Query(query), ranges)
    elif method == "POST":
        found = _post(segments, body)
    elif method == "DELETE" and len(segments) == 2 and segments[0] in ("jobs", "schedules"):
        found = ("delete" if segments[0] == "jobs" else "delete_schedule"), [_name(segments[1])]
    if found is not None:
        return found
    if _KNOWN.match(below) is not None:
        words = "{} does not support the method {}"
        raise Refusal("method_not_allowed", words.format(_shown(path), _shown(method)))
    raise _not_found(path)


def _get(segments, query, ranges):
    # type: (list[str], _Query, list[str]) -> tuple[str, list] | None
    first, length = segments[0], len(segments)
    if length == 1 and first in ("info", "health", "inventory", "jobs", "schedules"):
        return first, []
    if segments == ["log"]:
        lines = query.number("lines", 63)
        return "log", [_LOG_LINES if lines is None else lines]
    if first != "jobs" or length < 2:
        return None
    if length == 2:
        return "job", [_name(segments[1])]
    if segments[2:] == ["samples"]:
        return "manifest", [_name(segments[1]), query.first_sequence()]
    if segments[2:] == ["bundle"]:
        return "bundle", [_name(segments[1]), query.first_sequence(), query.number("skip", 64) or 0]
    if length == 4 and segments[2] == "samples":
        skip = _range_start(ranges[0]) if ranges else None
        return "sample", [_name(segments[1]), _number("sequence", segments[3], 32), skip]
    return None


def _post(segments, body):
    # type: (list[str], bytes) -> tuple[str, list] | None
    if segments == ["jobs"]:
        return "create", [_json(wire.CREATE_JOB, body)]
    if segments == ["schedules"]:
        return "create_schedule", [_json(wire.CREATE_SCHEDULE, body)]
    if segments[0] != "jobs" or len(segments) != 3:
        return None
    if segments[2] == "stop":
        how = _json(wire.STOP_JOB, body) if body else wire.STOP_JOB.empty()
        return "stop", [_name(segments[1]), how["cleanup"]]
    if segments[2] == "cleanup":
        return "cleanup", [_name(segments[1])]
    if segments[2] == "ack":
        return "acknowledge", [_name(segments[1]), _json(wire.ACKNOWLEDGE, body)["through"]]
    return None


def _not_found(path):
    # type: (str) -> Refusal
    return Refusal("not_found", "there is nothing at {}".format(_shown(path)))


def _shown(text):
    # type: (str) -> str
    """A text of the request as it may appear in an answer: short and without control characters."""
    return escaped(text[:80])


def _name(segment):
    # type: (str) -> str
    if not identifier.is_name(segment):
        raise Refusal("bad_request", identifier.not_a_name(segment))
    return segment


def _number(what, text, bits):
    # type: (str, str, int) -> int
    found = identifier.number(text, bits)
    if found is None:
        raise Refusal("bad_request", "`{}` is not a {}".format(_shown(text), what))
    return found


def _json(shape, body):
    # type: (wire.Shape, bytes) -> dict[str, Any]
    try:
        value = jsonfile.read(body)
        found = shape(value)
    except jsonfile.Unreadable as error:
        raise Refusal("bad_request", "the body cannot be read: {}".format(error)) from None
    unknown = shape.unknown(value)
    if unknown is not None:
        words = "the body has a key that this version does not know: {}"
        raise Refusal("bad_request", words.format(_shown(unknown)))
    return found


def _range_start(value):
    # type: (str) -> int
    """`bytes=K-`, the one form of Range that is understood."""
    found = re.match(r"bytes=(.*)-\Z", value, re.DOTALL)
    return _number("Range of the form bytes=K-", value if found is None else found.group(1), 64)


class _Query(object):
    """The part of a URL behind the question mark."""

    def __init__(self, text):
        # type: (str) -> None
        self._pairs = [pair.partition("=") for pair in text.split("&") if "=" in pair]

    def number(self, key, bits):
        # type: (str, int) -> int | None
        for found, _, value in self._pairs:
            if found == key:
                return _number(key, value, bits)
        return None

    def first_sequence(self):
        # type: () -> int
        """`after=N` means from N + 1 on; without it everything."""
        after = self.number("after", 32)
        return 0 if after is None else after + 1
