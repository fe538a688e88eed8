"""`schedules.json`: every schedule by itself, so that one that cannot be used costs no other."""

import os
from collections import OrderedDict

from .. import files, jsonfile, moment
from ..cron import Cron, InvalidCron
from ..job import overlaid
from ..wire import STORED_SCHEDULE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Largest schedules.json that is read, bytes.
_SIZE_LIMIT = 4 * 1024 * 1024


class Schedule(object):
    """A schedule that can run, with the keys of its file that this version does not know."""

    def __init__(self, stored, cron, original=None):
        # type: (dict, Cron, dict | None) -> None
        self.stored = stored
        self.cron = cron
        self._original = original or {}

    def next_run_at(self):
        # type: () -> int | None
        """The moment it waits for."""
        at = self.stored["next_run_at"]
        return None if at is None else moment.parse(at)

    def wait_for(self, at):
        # type: (int | None) -> None
        """It waits for another moment now."""
        self.stored["next_run_at"] = None if at is None else moment.text(at)

    def view(self):
        # type: () -> dict[str, Any]
        """The schedule as it is told."""
        return OrderedDict(self.stored)

    def to_write(self):
        # type: () -> dict
        """What its file is to hold."""
        return overlaid(self._original, self.stored)


class Schedules(object):
    """The schedules of this host."""

    def __init__(self, state_directory):
        # type: (str) -> None
        """Reads the file; one that is no list is set aside."""
        self._path = os.path.join(state_directory, "schedules.json")
        self.all = {}  # type: dict[str, Schedule]
        # Those that cannot run, as after a downgrade, stay in the file as they are: what was read, and what is wrong.
        self._unusable = []  # type: list[tuple[Any, str]]
        self._damage = None  # type: str | None
        # The wall clock when they were looked at last; `None` before the first look.
        self.looked_at = None  # type: int | None
        content = files.read_if_there(self._path, _SIZE_LIMIT)
        if content is None:
            return
        try:
            entries = jsonfile.read(content)
            if not isinstance(entries, list):
                raise jsonfile.Unreadable("it is no list")
        except jsonfile.Unreadable as error:
            aside = files.set_aside(self._path)
            self._damage = "the file of schedules was damaged and set aside as {}: {}".format(aside, error)
            return
        for entry in entries:
            self._take_in(entry)

    def _take_in(self, entry):
        # type: (Any) -> None
        try:
            stored = STORED_SCHEDULE(entry)
            schedule = Schedule(stored, Cron(stored["schedule"]["cron"]), entry)
        except (jsonfile.Unreadable, InvalidCron) as error:
            self._unusable.append((entry, str(error)))
        else:
            self.all[stored["schedule"]["name"]] = schedule

    def problem(self):
        # type: () -> str | None
        """What is wrong with the file, or with some of them."""
        if self._damage is not None:
            return self._damage
        return "; ".join(_words(entry, why) for entry, why in self._unusable) or None

    def count(self):
        # type: () -> int
        """How many there are, also of those that cannot run."""
        return len(self.all) + len(self._unusable)

    def unusable_named(self, name):
        # type: (str) -> str | None
        """What is wrong with the schedule of this name that cannot run."""
        return next((_words(entry, why) for entry, why in self._unusable if _name(entry) == name), None)

    def remove(self, name):
        # type: (str) -> bool
        """Takes one out, also one that cannot be used; false when there is none of this name."""
        known = self.count()
        self.all.pop(name, None)
        self._unusable = [(entry, why) for entry, why in self._unusable if _name(entry) != name]
        return self.count() < known

    def save(self):
        # type: () -> None
        """Writes the schedules."""
        entries = [schedule.to_write() for _, schedule in sorted(self.all.items())]
        entries += [entry for entry, _ in self._unusable]
        files.write_atomically(self._path, jsonfile.pretty(entries))


def _name(entry):
    # type: (Any) -> object
    schedule = entry.get("schedule") if isinstance(entry, dict) else None
    return schedule.get("name") if isinstance(schedule, dict) else None


def _words(entry, why):
    # type: (Any, str) -> str
    name = _name(entry)
    shown = name if isinstance(name, str) else "without a name"
    return "the schedule {} cannot be used and does not run: {}".format(shown, why)
