"""Moments of the wall clock: nanoseconds since 1970 in memory, RFC 3339 in UTC everywhere else."""

import re
import time

SECOND = 1000 * 1000 * 1000
MILLISECOND = 1000 * 1000

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))$", re.ASCII
)


def text(moment):
    # type: (int) -> str
    """The moment as files and answers have it, with no more decimals than it needs."""
    seconds, rest = divmod(moment, SECOND)
    decimals = ".{:09}".format(rest).rstrip("0") if rest else ""
    return _whole(seconds) + decimals + "Z"


def text_in_milliseconds(moment):
    # type: (int) -> str
    """The moment as the log has it, always with three decimals."""
    seconds, rest = divmod(moment, SECOND)
    return "{}.{:03}Z".format(_whole(seconds), rest // MILLISECOND)


def stamp(moment):
    # type: (int) -> str
    """The moment as it is part of a job's name: `YYYYMMDD-HHMMSS`."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment // SECOND))


def parse(written):
    # type: (str) -> int
    """The moment that RFC 3339 writes so; a `ValueError` says that it is none."""
    found = _FORM.match(written)
    if found is None:
        raise ValueError("`{}` is not a time stamp".format(written[:40]))
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month) or hour > 23 or minute > 59 or second > 59:
        raise ValueError("`{}` is no moment of any day".format(written[:40]))
    decimals = int((found.group(7) or "").ljust(9, "0"))
    seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    if found.group(8):
        offset = int(found.group(9)) * 3600 + int(found.group(10)) * 60
        seconds -= offset if found.group(8) == "+" else -offset
    return seconds * SECOND + decimals


def days_in_month(year, month):
    # type: (int, int) -> int
    """The length of a month of the Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def days_since_1970(year, month, day):
    # type: (int, int, int) -> int
    """Days from 1 January 1970 to a date of the Gregorian calendar.

    Years begin in March here, so that the leap day is the last one of a year.
    """
    years = year - (month < 3)
    months = (month + 9) % 12
    days = years * 365 + years // 4 - years // 100 + years // 400
    return days + (months * 153 + 2) // 5 + day - 1 - 719468


def _whole(seconds):
    # type: (int) -> str
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
