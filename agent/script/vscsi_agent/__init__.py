"""The agent on the ESXi host, for the Python that the host has: drives vscsiStats, spools its output, serves it on the
loopback, and sees to it that collection ends.

It is the same agent as the program in Rust beside it: the same commands, files, routes and promises, in the same rooms
under the same names, so that a page about one is a page about the other. What holds for the source:

- The grammar of Python 3.5, and of the standard library only what ESXi 6.5 to 9.x is known to ship.
- One thread, the collector's, owns all state that changes. HTTP threads pass actions to it and read what it published.
- Only `host` knows the command lines of vscsiStats, and only `command` runs programs of the host.
- Waiting is done in `poll` or in a blocking call: waits of `threading` follow the wall clock, which may jump.
- Paths and arguments are text whose bytes are UTF-8 whatever the locale of the host says.
"""

VERSION = "0.1.0"
