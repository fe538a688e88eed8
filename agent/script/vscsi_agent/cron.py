"""Cron expressions of schedules: minute, hour, day of month, month, day of week, in UTC.

Beside the usual `*`, lists, ranges, steps and names there are `L` (the last day, or with a number the last such
weekday), `W` (the closest weekday), `#` (the n-th such weekday), and `+` before the day of week, which asks for both
days to match where otherwise one is enough.
"""

import re
import time

from . import moment
from .plain import escaped

_NICKNAMES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# The least common multiple of everything a calendar repeats is 400 years; a date of 29 February on a given weekday
# comes at the latest after 40.
_YEARS_AHEAD = 45


class InvalidCron(ValueError):
    """The text is not a cron expression."""


class _Field(object):
    """The values of a field, and those that depend on the month."""

    def __init__(self, text, low, high, letters):
        # type: (str, int, int, str) -> None
        self.is_star = text == "*"
        self.values = set()  # type: set[int]
        # `L` alone, and `LW`.
        self.last = self.last_weekday = False
        # `15W`, `5#2` and `5L`.
        self.closest = set()  # type: set[int]
        self.nth = set()  # type: set[tuple[int, int]]
        self.last_of = set()  # type: set[int]
        self._low, self._high, self._letters = low, high, letters
        if self.is_star:
            self.values.update(range(low, high + 1))
            return
        for part in text.split(","):
            if not part:
                raise InvalidCron("a value in a list is empty")
            self._take(part)

    def _take(self, part):
        # type: (str) -> None
        if "/" in part:
            self._step(part)
        elif "-" in part:
            body, nth = self._split_nth(part)
            self._add(self._range(body), nth)
        elif "W" in part:
            day = part.partition("W")[0]
            if day == "L":
                self.last_weekday = True
            else:
                self.closest.add(self._number(day, "invalid day for closest weekday", "day for closest weekday"))
        elif part == "L":
            self.last = True
        else:
            body, nth = self._split_nth(part)
            self._add([self._number(body, "invalid number", "number")], nth)

    def _split_nth(self, part):
        # type: (str) -> tuple[str, str]
        """The value and what follows `#`; `5L` is `5#L`."""
        if part.endswith("L") and "#" not in part:
            part = part[:-1] + "#L"
        body, mark, nth = part.partition("#")
        if mark and "#" not in self._letters:
            what = "l not allowed" if nth == "L" else "nth specifier # not allowed"
            raise InvalidCron(what + " in the current field")
        return body, nth

    def _add(self, values, nth):
        # type: (list[int] | range, str) -> None
        if not nth:
            self.values.update(values)
        elif nth.endswith("L"):
            self.last_of.update(values)
        elif re.match(r"\d{1,3}\Z", nth) is None:
            raise InvalidCron("invalid nth specifier")
        elif not 1 <= int(nth) <= 5:
            raise InvalidCron("nth specifier out of bounds")
        else:
            self.nth.update((value, int(nth)) for value in values)

    def _step(self, part):
        # type: (str) -> None
        body, nth = self._split_nth(part)
        pieces = body.split("/")
        if len(pieces) != 2:
            raise InvalidCron("invalid stepped range syntax")
        if re.match(r"\d{1,4}\Z", pieces[1]) is None:
            raise InvalidCron("invalid step")
        step = int(pieces[1])
        if step == 0:
            raise InvalidCron("step cannot be zero")
        if pieces[0] == "*":
            values = range(self._low, self._high + 1)
        elif "-" in pieces[0]:
            values = self._range(pieces[0])
        else:
            raise InvalidCron(
                "invalid step syntax: use \"*/{0}\" for wildcard steps or \"x-y/{0}\" for range steps".format(step)
            )
        self._add(values[::step], nth)

    def _range(self, text):
        # type: (str) -> range
        bounds = text.split("-")
        if len(bounds) != 2:
            raise InvalidCron("invalid range syntax")
        first, last = (self._digits(bound, "invalid bound of range") for bound in bounds)
        if first > last or first < self._low or last > self._high:
            raise InvalidCron("range out of bounds")
        return range(first, last + 1)

    def _number(self, text, invalid, what):
        # type: (str, str, str) -> int
        value = self._digits(text, invalid)
        if not self._low <= value <= self._high:
            raise InvalidCron(what + " out of bounds")
        return value

    @staticmethod
    def _digits(text, invalid):
        # type: (str, str) -> int
        if re.match(r"\d{1,4}\Z", text, re.ASCII) is None:
            raise InvalidCron(invalid)
        return int(text)


class Cron(object):
    """A checked expression; raises `InvalidCron` with what is wrong."""

    def __init__(self, text):
        # type: (str) -> None
        try:
            self._read(text)
        except InvalidCron as problem:
            raise InvalidCron(
                "`{}` is not a cron expression: {}; "
                "the fields are minute, hour, day of month, month and day of week".format(escaped(text[:80]), problem)
            ) from None

    def _read(self, text):
        # type: (str) -> None
        pattern = text.upper().strip()
        pattern = _NICKNAMES.get(pattern, pattern).replace("-SUN", "-7")
        for value, word in list(enumerate(_WEEKDAYS)) + list(enumerate(_MONTHS, 1)):
            pattern = pattern.replace(word, str(value))
        parts = pattern.split()
        if len(parts) != 5:
            raise InvalidCron("it has {} of five fields".format(len(parts)))
        parts[2], parts[4] = parts[2].replace("?", "*"), parts[4].replace("?", "*")
        # Both days have to match, where otherwise one is enough.
        self._both = parts[4].startswith("+")
        if self._both:
            parts[4] = parts[4][1:]
        for part, letters in zip(parts, ("", "", "LW", "", "#L")):
            for character in part:
                if character not in "*/0123456789,-" + letters:
                    words = "cronpattern contains illegal character '{}' in part '{}'"
                    raise InvalidCron(words.format(escaped(character.lower()), escaped(part[:40].lower())))
        self._minutes = _Field(parts[0], 0, 59, "")
        self._hours = _Field(parts[1], 0, 23, "")
        self._days = _Field(parts[2], 1, 31, "LW")
        self._months = _Field(parts[3], 1, 12, "")
        self._weekdays = _Field(parts[4], 0, 7, "#L")
        for values in (self._weekdays.values, self._weekdays.last_of):
            if 7 in values:
                values.add(0)
        self._weekdays.nth.update({(0, nth) for day, nth in self._weekdays.nth if day == 7})

    def next_after(self, now):
        # type: (int) -> int | None
        """The first moment after `now` that matches; `None` when none ever does, as on 30 February."""
        first_minute = now // moment.SECOND // 60 + 1
        year, month, day = time.gmtime(first_minute * 60)[:3]
        minute_of_day = first_minute % (24 * 60)
        last_year = year + _YEARS_AHEAD
        while year <= last_year:
            if month in self._months.values:
                for day in range(day, moment.days_in_month(year, month) + 1):
                    found = self._minute(minute_of_day) if self._is_day(year, month, day) else None
                    minute_of_day, minutes = 0, found
                    if minutes is not None:
                        return (moment.days_since_1970(year, month, day) * 24 * 60 + minutes) * 60 * moment.SECOND
            day, minute_of_day = 1, 0
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return None

    def _minute(self, first):
        # type: (int) -> int | None
        """The first minute of a day from `first` on."""
        for hour in sorted(self._hours.values):
            for minute in sorted(self._minutes.values):
                if hour * 60 + minute >= first:
                    return hour * 60 + minute
        return None

    def _is_day(self, year, month, day):
        # type: (int, int, int) -> bool
        length = moment.days_in_month(year, month)
        # 1 January 1970 was a Thursday.
        weekday = (moment.days_since_1970(year, month, day) + 4) % 7
        by_day = self._is_day_of_month(day, length, weekday)
        by_weekday = self._is_weekday(day, length, weekday)
        if self._days.is_star and self._weekdays.is_star:
            return True
        if self._days.is_star:
            return by_weekday
        if self._weekdays.is_star:
            return by_day
        return (by_day and by_weekday) if self._both else (by_day or by_weekday)

    def _is_day_of_month(self, day, length, weekday):
        # type: (int, int, int) -> bool
        days = self._days
        if day in days.values or (days.last and not days.last_weekday and day == length):
            return True
        if days.last_weekday and day == _closest(length, length, (weekday + length - day) % 7):
            return True
        near = range(max(1, day - 2), min(length, day + 2) + 1)
        return any(
            wanted in days.closest and _closest(wanted, length, (weekday + wanted - day) % 7) == day for wanted in near
        )

    def _is_weekday(self, day, length, weekday):
        # type: (int, int, int) -> bool
        weekdays = self._weekdays
        return (
            weekday in weekdays.values
            or (weekday, (day - 1) // 7 + 1) in weekdays.nth
            or (weekday in weekdays.last_of and day + 7 > length)
        )


def _closest(day, length, weekday):
    # type: (int, int, int) -> int
    """The weekday closest to a day, in the same month."""
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
