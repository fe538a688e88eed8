"""Fault points that kill: the tests put this in the place of the file of the same name.

`VSCSI_AGENT_FAULT=NAME` kills the process with SIGKILL when it comes to that place first, `NAME:N` when it comes there
for the N-th time.
"""

import os
import signal

FAULT_POINTS = (
    "take-over-before-signal",
    "take-over-after-signal",
    "take-over-after-lock",
    "job-between-files",
    "job-created",
    "order-before",
    "order-after",
    "switch-before-write",
    "switch-after-write",
    "switch-before-command",
    "switch-after-command",
    "running-after-record",
    "running-after-job",
    "snapshot-before-print",
    "snapshot-after-print",
    "snapshot-before-file",
    "snapshot-after-file",
    "snapshot-after-sum",
    "end-before-job",
    "end-after-job",
)

_passed = []


def fault_point(name):
    # type: (str) -> None
    """Kills the process here when a test asked for it."""
    if name not in FAULT_POINTS:
        raise AssertionError(name + " is not listed")
    wanted, _, times = os.environ.get("VSCSI_AGENT_FAULT", "").partition(":")
    if wanted == name:
        _passed.append(name)
        if len(_passed) == int(times or "1"):
            os.kill(os.getpid(), signal.SIGKILL)


def environment(is_first):
    # type: (bool) -> dict[str, str]
    """Lets a process that replaces one which died at its fault point live."""
    return {key: value for key, value in os.environ.items() if is_first or key != "VSCSI_AGENT_FAULT"}
