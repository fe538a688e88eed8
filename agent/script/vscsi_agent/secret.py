"""Random bytes from `/dev/urandom`, read as a file: `getrandom` answers differently on every ESXi version."""

import binascii
import os


def hexadecimal(count):
    # type: (int) -> str
    """`count` random bytes as lower-case hexadecimal digits."""
    descriptor = os.open("/dev/urandom", os.O_RDONLY)
    try:
        data = b""
        while len(data) < count:
            piece = os.read(descriptor, count - len(data))
            if not piece:
                raise OSError("/dev/urandom has ended")
            data += piece
    finally:
        os.close(descriptor)
    return binascii.hexlify(data).decode("ascii")
