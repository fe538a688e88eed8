"""The program `vscsi-agent` for hosts that run no foreign binary: `/bin/python3 -BEs FOLDER COMMAND`.

Everything it does is in the package beside this file.
"""
import os
import sys

if sys.version_info < (3, 5):
    sys.exit("vscsi-agent: Python 3.5 or newer is needed, and this is " + sys.version.split()[0])

from vscsi_agent.program import run  # noqa: E402 (an older interpreter could not even read it)

code = run(sys.argv)
for stream in (sys.stdout, sys.stderr):
    try:
        stream.flush()
    except (AttributeError, OSError, ValueError):
        # It was closed, and whoever has closed it wants no more.
        pass
# Not by way of the interpreter's own end: threads that still wait there are ended by a call that needs a library which
# a host may lack, and aborts the process where it does.
os._exit(code)
