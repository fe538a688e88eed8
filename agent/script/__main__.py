"""The program `vscsi-agent` for hosts that run no foreign binary: `/bin/python3 -BEs FOLDER COMMAND`.

Everything it does is in the package beside this file.
"""
import sys

if sys.version_info < (3, 5):
    sys.exit("vscsi-agent: Python 3.5 or newer is needed, and this is " + sys.version.split()[0])

from vscsi_agent.program import run  # noqa: E402 (an older interpreter could not even read it)

sys.exit(run(sys.argv))
