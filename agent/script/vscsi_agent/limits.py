"""What a job may ask for, in the same words as where the numbers are written."""

from .wire import Refusal

# Of each number: the quantity, the least and the most. At an interval of a minute the most samples are more than two
# months; a VM has at most 64 disks on one kind of controller.
SAMPLES = ("the number of samples", 1, 100 * 1000)
INTERVAL_SECONDS = ("the interval in seconds", 1, 86400)
DISKS = ("the number of disks", 1, 64)
MAX_MISSES = ("the number of misses in a row", 1, 100 * 1000)


def check_job(request):
    # type: (dict) -> None
    """Refuses a request for what no job may have."""
    _check(SAMPLES, request["profile"]["samples"])
    _check(INTERVAL_SECONDS, request["profile"]["interval_seconds"])
    _check(DISKS, len(request["disks"]))
    _check(MAX_MISSES, request["options"]["max_misses"])


def check_template(template):
    # type: (dict) -> None
    """Refuses a template of jobs that would all be refused; no disk named means all that the VM has on that night."""
    check_job(dict(template, disks=template["disks"] or [None]))


def _check(limit, value):
    # type: (tuple[str, int, int], int) -> None
    quantity, least, most = limit
    if not least <= value <= most:
        raise Refusal("unacceptable", "{} must be {} to {}, not {}".format(quantity, least, most, value))
