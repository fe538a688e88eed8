"""The HTTP API on the loopback: whole, modest, admitted requests, one at a time for each connection."""

from .server import Context, Server

__all__ = ["Context", "Server"]
