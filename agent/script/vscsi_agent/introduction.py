"""The other side of the gate: how `connect` gets a place in the agent at once."""

import re
import socket

from .timeout import set_timeout

# How long an agent gets to answer, seconds.
_TIMEOUT = 10

# Longest answer that is read, bytes.
_LIMIT = 64 * 1024

_GOOD = b"HTTP/1.1 200 "
_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]{1,6})\r\n", re.IGNORECASE)


def introduce(stream, token):
    # type: (socket.socket, str) -> None
    """Shows the token on a connection that is to be passed on to a client.

    The client's own first request comes a journey later, and a crowd of others at the port of the agent would by then
    have taken the place of a connection that has said nothing. Raises `OSError` when what listens there does not answer
    as our agent does.
    """
    set_timeout(stream, socket.SO_RCVTIMEO, _TIMEOUT)
    request = "GET /v1/info HTTP/1.1\r\nHost: vscsi-agent\r\nAuthorization: Bearer {}\r\n\r\n"
    stream.sendall(request.format(token).encode("ascii", "replace"))
    answer = b""
    # Nothing follows the answer before the next request.
    while not _is_whole(answer):
        piece = stream.recv(4096)
        answer += piece
        is_ours = answer.startswith(_GOOD[:len(answer)])
        if not piece or not is_ours or len(answer) > _LIMIT:
            raise OSError("the agent answered {!r}".format(answer[:80]))
    set_timeout(stream, socket.SO_RCVTIMEO, 0)


def _is_whole(answer):
    # type: (bytes) -> bool
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and len(body) >= (int(length.group(1)) if length is not None else 0)
