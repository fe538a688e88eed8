"""The little of HTTP/1.1 framing that the agent needs, and what a request must have before anything of it is done."""

import hmac
import re

from ..jsonfile import compact
from ..wire import Refusal

# Largest body, bytes; a job with 64 disks takes about 8 KiB.
BODY_LIMIT = 64 * 1024

# Most bytes of all header fields together.
HEADER_LIMIT = 16 * 1024

# Most header fields of a request.
_MAX_FIELDS = 64

# Names by which a client on this host, or at the other end of its own tunnel, may address the agent. Any other name
# means that a browser was led here by a foreign DNS record.
_HOST_NAMES = ("127.0.0.1", "localhost", "[::1]", "vscsi-agent")

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_FIELD_NAME = re.compile(r"[!-9;-~]+\Z")
_PORT = re.compile(r":[0-9]+\Z")

_REASONS = {200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content"}


def _malformed(what):
    # type: (str) -> Refusal
    return Refusal("bad_request", "the request is malformed: {}".format(what))


class Head(object):
    """The head of a request, which ends with an empty line; raises `Refusal` when it is none."""

    def __init__(self, data):
        # type: (bytes) -> None
        try:
            line, *rest = data.decode("ascii").split("\r\n")
        except UnicodeDecodeError:
            raise _malformed("its head is not ASCII") from None
        words = line.split(" ")
        if len(words) != 3 or words[2] != "HTTP/1.1":
            raise _malformed("its first line is not `METHOD URL HTTP/1.1`")
        self.method, self.url = words[:2]
        # An answer to HEAD has a length and no body; no route answers it.
        if self.method not in _METHODS:
            raise Refusal("method_not_allowed", "only GET, POST and DELETE are supported")
        self._fields = [self._field(field) for field in rest if field]
        if len(self._fields) > _MAX_FIELDS:
            raise Refusal("too_large", "more than {} header fields".format(_MAX_FIELDS))
        for unwanted in ("Transfer-Encoding", "Expect", "Upgrade"):
            if self.all(unwanted):
                raise _malformed("{} is not supported; send the body with its Content-Length".format(unwanted))
        self.body_length = self._length()
        # The client sends no further request.
        self.is_last = any(value.lower() == "close" for value in self.all("Connection"))

    @staticmethod
    def _field(line):
        # type: (str) -> tuple[str, str]
        name, colon, value = line.partition(":")
        if not colon or _FIELD_NAME.match(name) is None:
            raise _malformed("a header field has no name or a blank in it")
        return name, value.strip()

    def all(self, wanted):
        # type: (str) -> list[str]
        """The values of every field of this name."""
        return [value for name, value in self._fields if name.lower() == wanted.lower()]

    def _length(self):
        # type: () -> int
        lengths = self.all("Content-Length")
        if len(lengths) > 1:
            raise _malformed("it has two Content-Length fields")
        if not lengths:
            return 0
        if re.match(r"[0-9]{1,40}\Z", lengths[0]) is None:
            raise _malformed("its Content-Length is not a number")
        return int(lengths[0])

    def admit(self, token):
        # type: (str) -> None
        """Refuses a request that is not addressed to this agent, or comes without its token."""
        size = sum(len(name) + len(value) for name, value in self._fields)
        if size + len(self.url) > HEADER_LIMIT:
            words = "the header has {} bytes, and at most {} are read"
            raise Refusal("too_large", words.format(size, HEADER_LIMIT))
        hosts = self.all("Host")
        if len(hosts) != 1 or _PORT.sub("", hosts[0]).lower() not in _HOST_NAMES:
            words = "the Host field does not name this agent"
            raise Refusal("foreign_host", words, "address it as 127.0.0.1 or localhost")
        presented = (self.all("Authorization") or [""])[0]
        if not presented.startswith("Bearer ") or not _is_same(presented[len("Bearer "):].strip(), token):
            raise Refusal(
                "unauthorized",
                "the token is missing, or is not that of the running agent",
                "connect again: `vscsi-agent connect` prints the token",
            )
        if self.body_length > BODY_LIMIT:
            words = "the body has {} bytes, and at most {} are read"
            raise Refusal("too_large", words.format(self.body_length, BODY_LIMIT))


def _is_same(one, other):
    # type: (str, str) -> bool
    """Compared in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("ascii", "replace"), other.encode("ascii", "replace"))


def answer(status, content_type, length, more=""):
    # type: (int, str, int, str) -> bytes
    """The head of an answer."""
    lines = ["HTTP/1.1 {} {}".format(status, _REASONS.get(status, "Refused")), "Content-Type: " + content_type]
    if status != 204:
        lines.append("Content-Length: {}".format(length))
    return "\r\n".join(lines + [more] if more else lines).encode("ascii") + b"\r\n\r\n"


def refusal(problem):
    # type: (Refusal) -> bytes
    """A whole answer that refuses and closes the connection."""
    body = compact(problem.body())
    return answer(problem.status, "application/json", len(body), "Connection: close") + body
