"""Time-outs of sockets."""

import socket
import struct


def set_timeout(connection, which, seconds):
    # type: (socket.socket, int, float) -> None
    """Has the kernel end a wait: a time-out of the standard library needs a nonblocking socket, unproven on ESXi.

    Nothing ends it where `seconds` is 0.
    """
    whole = int(seconds)
    connection.setsockopt(socket.SOL_SOCKET, which, struct.pack("ll", whole, int((seconds - whole) * 1000000)))
