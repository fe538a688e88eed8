"""Recurring collections: a cron expression and a template.

A run begins at its moment, or within a minute of it where the agent was waiting for a slow host, or not at all: a
collection meant for the night would otherwise run at noon. One run of a schedule is active at a time, and each moment
starts one job at most, however often a clock that is set back comes by it.
"""

from .. import identifier, moment
from ..cron import Cron, InvalidCron
from ..files import reason
from ..host.drive import HostError
from ..host.resolve import Unresolved, select
from ..limits import check_template
from ..wire import CREATE_JOB, STORED_SCHEDULE, Refusal
from .requests import create
from .schedulefile import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .state import Collector

# Most schedules of a host.
_MAX_SCHEDULES = 100

# How late a run may begin, nanoseconds.
_LATEST = 60 * moment.SECOND

_MISSED = "its moment passed while no agent was running, or while the host stood still"


def run_due(collector):
    # type: (Collector) -> bool
    """Starts the jobs whose moment has come; true when a moment has passed."""
    schedules = collector.schedules
    now = collector.wall()
    went_back = schedules.looked_at is None or now < schedules.looked_at
    schedules.looked_at = now
    passed = []
    for name, schedule in sorted(schedules.all.items()):
        at = schedule.next_run_at()
        if at is not None and at <= now:
            passed.append((name, at))
            schedule.wait_for(schedule.cron.next_after(now))
        elif went_back:
            # A wall clock that was set back moves the next run back with it.
            sooner = schedule.cron.next_after(now)
            schedule.wait_for(sooner if at is None or sooner is None else min(at, sooner))
    for name, at in passed:
        _run(collector, name, at, now)
    if passed:
        _save(collector)
    return bool(passed)


def _run(collector, name, at, now):
    # type: (Collector, str, int, int) -> None
    stored = collector.schedules.all[name].stored
    job = "{}-{}".format(name, moment.stamp(at))
    error = _MISSED if now - at > _LATEST else _why_not(collector, stored["last_job"], job)
    if error is None:
        try:
            create(collector, _request(collector, stored["schedule"]["job"], job))
        except Refusal as refusal:
            error = refusal.message
        except (HostError, Unresolved) as problem:
            error = str(problem)
    if error is None:
        collector.log("schedule {} started {}".format(name, job))
        stored["last_job"] = job
    else:
        collector.log("schedule {} started no job at {}: {}".format(name, moment.text(at), error))
    stored["last_run_at"] = moment.text(at)
    stored["last_error"] = error


def _why_not(collector, last, job):
    # type: (Collector, str | None, str) -> str | None
    if last == job or job in collector.jobs:
        return "{} ran at this moment already: the host's clock was set back".format(job)
    before = None if last is None else collector.jobs.get(last)
    if before is not None and before.is_active():
        return "the run before it, {}, has not ended".format(last)
    return None


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
    unusable = schedules.unusable_named(name)
    if unusable is not None:
        raise Refusal("conflict", unusable, "choose another name, or remove the other schedule first")
    if schedules.count() >= _MAX_SCHEDULES:
        words = "this host has {} schedules already".format(_MAX_SCHEDULES)
        raise Refusal("conflict", words, "remove one that is not needed")
    longest = "{}-YYYYMMDD-HHMMSS".format(name)
    if not identifier.is_name(longest):
        words = "{} is too long for a schedule: its jobs are called {}".format(name, longest)
        raise Refusal("unacceptable", words, "use at most 48 characters")
    try:
        cron = Cron(request["cron"])
    except InvalidCron as error:
        raise Refusal("unacceptable", str(error)) from None
    check_template(request["job"])
    at = cron.next_after(collector.wall())
    if at is None:
        raise Refusal("unacceptable", "the cron expression `{}` never matches".format(request["cron"]))
    stored = STORED_SCHEDULE({"schedule": request, "next_run_at": moment.text(at)})
    schedule = schedules.all[name] = Schedule(stored, cron)
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
    if not collector.schedules.remove(name):
        words = "there is no schedule {}".format(name)
        raise Refusal("not_found", words, "list the schedules with `vscsi-helper schedule list`")
    collector.equipment.views.set_problem("schedules", collector.schedules.problem())
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
    moments = [schedule.next_run_at() for schedule in collector.schedules.all.values()]
    ahead = [at - collector.wall() for at in moments if at is not None]
    return collector.now_ms() + max(min(ahead) // moment.MILLISECOND + 1, 0) if ahead else None
