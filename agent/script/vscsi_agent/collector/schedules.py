"""Recurring collections: a cron expression and a template, kept in `schedules.json`.

A run whose moment passed while no agent was there is not made up for: a collection meant for the night would otherwise
run at noon.
"""

import os
from collections import OrderedDict

from .. import files, identifier, jsonfile, moment
from ..cron import Cron, InvalidCron
from ..files import reason
from ..host.drive import HostError
from ..host.resolve import Unresolved, select
from ..wire import CREATE_JOB, STORED_SCHEDULE, Refusal
from .requests import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .state import Collector

# Most schedules of a host.
_MAX_SCHEDULES = 100

# Largest schedules.json that is read, bytes.
_SIZE_LIMIT = 4 * 1024 * 1024

# A run that is noticed later than this belongs to a moment at which nobody was there, nanoseconds.
_LATE = 5 * 60 * moment.SECOND


class Schedule(object):
    """A schedule, what came of its last run, and when it runs next."""

    def __init__(self, stored, cron, now):
        # type: (dict, Cron | None, int) -> None
        self.stored = stored
        # `None` for an expression that this version does not understand.
        self.cron = cron
        self.next_run_at = None if cron is None else cron.next_after(now)

    def view(self):
        # type: () -> dict[str, Any]
        """The schedule as it is told."""
        at = self.next_run_at
        view = OrderedDict([("schedule", self.stored["schedule"])])  # type: OrderedDict[str, Any]
        view["next_run_at"] = None if at is None else moment.text(at)
        for key in ("last_run_at", "last_job", "last_error"):
            view[key] = self.stored[key]
        return view


class Schedules(object):
    """The schedules of this host; a damaged file is set aside, and `problem` says so."""

    def __init__(self, state_directory, now):
        # type: (str, int) -> None
        self._path = os.path.join(state_directory, "schedules.json")
        self.all = {}  # type: dict[str, Schedule]
        self.problem = None  # type: str | None
        content = files.read_if_there(self._path, _SIZE_LIMIT)
        if content is None:
            return
        try:
            entries = jsonfile.read(content)
            if not isinstance(entries, list):
                raise jsonfile.Unreadable("it is no list")
        except jsonfile.Unreadable as error:
            aside = files.set_aside(self._path)
            self.problem = "the file of schedules was damaged and set aside as {}: {}".format(aside, error)
            return
        for entry in entries:
            self._take_in(entry, now)

    def _take_in(self, entry, now):
        # type: (Any, int) -> None
        try:
            stored = STORED_SCHEDULE(entry)
        except jsonfile.Unreadable as error:
            self.problem = "a schedule cannot be read and is left out: {}".format(error)
            return
        cron = None  # type: Cron | None
        try:
            cron = Cron(stored["schedule"]["cron"])
        except InvalidCron as error:
            self.problem = "schedule {} does not run: {}".format(stored["schedule"]["name"], error)
        self.all[stored["schedule"]["name"]] = Schedule(stored, cron, now)

    def save(self):
        # type: () -> None
        """Writes the schedules."""
        stored = [schedule.stored for _, schedule in sorted(self.all.items())]
        files.write_atomically(self._path, jsonfile.pretty(stored))


def run_due(collector):
    # type: (Collector) -> bool
    """Starts the jobs whose moment has come; true when there was one."""
    now = collector.wall()
    due = []
    for name, schedule in sorted(collector.schedules.all.items()):
        at = schedule.next_run_at
        if at is None or schedule.cron is None:
            continue
        if at <= now:
            due.append((name, at))
            schedule.next_run_at = schedule.cron.next_after(now)
        else:
            # A wall clock that was set back moves the next run back with it.
            sooner = schedule.cron.next_after(now)
            schedule.next_run_at = at if sooner is None else min(at, sooner)
    for name, at in due:
        _run(collector, name, at, now)
    if due:
        _save(collector)
    return bool(due)


def _run(collector, name, at, now):
    # type: (Collector, str, int, int) -> None
    stored = collector.schedules.all[name].stored
    job = "{}-{}".format(name, moment.stamp(at))
    error = None
    if now - at > _LATE:
        error = "its moment passed while the agent or the host stood still"
    else:
        try:
            create(collector, _request(collector, stored["schedule"]["job"], job))
        except Refusal as refusal:
            error = refusal.message
        except (HostError, Unresolved) as problem:
            error = str(problem)
    if error is None:
        collector.log("schedule {} started {}".format(name, job))
    else:
        collector.log("schedule {} started no job: {}".format(name, error))
    stored["last_run_at"] = moment.text(at)
    stored["last_error"] = error
    stored["last_job"] = job if error is None else None


def _request(collector, template, job):
    # type: (Collector, dict, str) -> dict
    vm = {"config_file": template["config_file"]}
    disks = template["disks"]
    if not disks:
        # Every disk that the VM has now.
        listing = collector.list_vms()
        selected, luns = select(listing, collector.volumes() or [], vm, [])
        disks = [
            {"handle_id": str(disk.handle_id), "node": disk.node, "lun": lun}
            for disk, lun in zip(selected.disks, luns)
        ]
    return CREATE_JOB(
        {
            "name": job,
            "host": template["host"],
            "vm": vm,
            "disks": disks,
            "profile": template["profile"],
            "options": template["options"],
        }
    )


def create_schedule(collector, request):
    # type: (Collector, dict) -> tuple[int, dict]
    """Begins a schedule; repeating the request changes nothing."""
    name = request["name"]
    schedules = collector.schedules
    existing = schedules.all.get(name)
    if existing is not None:
        if existing.stored["schedule"] == request:
            return 200, existing.view()
        words = "another schedule with the name {} exists already".format(name)
        raise Refusal("conflict", words, "choose another name, or remove the other schedule first")
    if len(schedules.all) >= _MAX_SCHEDULES:
        words = "this host has {} schedules already".format(_MAX_SCHEDULES)
        raise Refusal("conflict", words, "remove one that is not needed")
    longest = "{}-YYYYMMDD-HHMMSS".format(name)
    if not identifier.is_name(longest):
        words = "{} is too long for a schedule: its jobs are called {}".format(name, longest)
        raise Refusal("bad_request", words, "use at most 48 characters")
    try:
        cron = Cron(request["cron"])
    except InvalidCron as error:
        raise Refusal("bad_request", str(error)) from None
    stored = OrderedDict([("schedule", request), ("last_run_at", None), ("last_job", None), ("last_error", None)])
    schedule = Schedule(stored, cron, collector.wall())
    if schedule.next_run_at is None:
        raise Refusal("bad_request", "the cron expression `{}` never matches".format(request["cron"]))
    schedules.all[name] = schedule
    try:
        schedules.save()
    except OSError as error:
        del schedules.all[name]
        raise Refusal("spool", "cannot write the schedules: {}".format(reason(error))) from None
    publish(collector)
    return 201, schedule.view()


def delete_schedule(collector, name):
    # type: (Collector, str) -> tuple[int, Any]
    """Ends a schedule."""
    if collector.schedules.all.pop(name, None) is None:
        words = "there is no schedule {}".format(name)
        raise Refusal("not_found", words, "list the schedules with `vscsi-helper schedule list`")
    _save(collector)
    return 204, None


def _save(collector):
    # type: (Collector) -> None
    try:
        collector.schedules.save()
    except OSError as error:
        collector.log("cannot write the schedules: {}".format(reason(error)))
    publish(collector)


def publish(collector):
    # type: (Collector) -> None
    """Publishes the schedules after a change."""
    views = [schedule.view() for _, schedule in sorted(collector.schedules.all.items())]
    collector.equipment.views.set_schedules(views)


def next_run_ms(collector):
    # type: (Collector) -> int | None
    """When the next schedule runs, monotonic milliseconds by the wall clock of now."""
    moments = [schedule.next_run_at for schedule in collector.schedules.all.values()]
    ahead = [at - collector.wall() for at in moments if at is not None]
    return collector.now_ms() + max(min(ahead) // moment.MILLISECOND + 1, 0) if ahead else None
