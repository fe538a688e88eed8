"""The beginning of the agent: what the spool of the agent before it asks for, and what is left to the next."""

from ..job import FINAL
from .begin import look_first
from .disks import ask, await_switch, claim, give_orders, is_armed
from .end import end, save, settle
from .jobstate import ENDED, SAMPLING, JobState
from .loop import attend, keep_up_with_clocks
from .schedulefile import Schedules
from .schedules import publish
from .state import Collector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..spool import Stored
    from ..switch.client import Switch
    from .state import Equipment

# How long the start waits for the switch, which may have to wait for the one before it, milliseconds.
_READY_MS = 5000

# How long it waits until what the agent before has left is stopped, milliseconds.
_STOPPED_MS = 2500

_DIED = "the agent died while the job ran; its collection was stopped and its samples are kept"
_REBOOTED = "the host was rebooted while the job ran; its samples are kept"


def recover(equipment, switch):
    # type: (Equipment, Switch) -> Collector
    """Takes over the spool, and from the switch what the journal names. Where no switch is ready in time the samples
    are there all the same, and nothing is started before one is.
    """
    views = equipment.views
    schedules = Schedules(equipment.state_directory)
    problem = schedules.problem()
    if problem is not None:
        equipment.log.line(problem)
        views.set_problem("schedules", problem)
    collector = Collector(equipment, switch, schedules)
    await_switch(collector, _READY_MS, lambda: collector.is_ready)
    if not collector.is_ready:
        views.set_problem("switch", "the process that starts and stops collections is not ready yet")
    stored, notes = equipment.spool.load()
    for note in notes:
        equipment.log.line(note)
    views.set_problem("spool at start", "; ".join(notes) if notes else None)
    # All are there before it is told what becomes of one: they may share disks.
    for state, fate in [_adopt(collector, job) for job in stored]:
        _go_on(collector, state, fate)
    collector.is_recovered = True
    if collector.is_ready:
        claim(collector)
    give_orders(collector)
    keep_up_with_clocks(collector)
    publish(collector)

    def is_at_rest():
        # type: () -> bool
        left = [disk for disk in collector.disks.values() if disk.reason is None]
        return not any(disk.is_pending() or disk.state == "stopping" for disk in left)

    await_switch(collector, _STOPPED_MS, is_at_rest)
    attend(collector)
    settle(collector)
    return collector


def _adopt(collector, stored):
    # type: (Collector, Stored) -> tuple[JobState, str]
    """Takes a job in as it was, and says what becomes of it."""
    collector.switch.beat()
    state = JobState(stored.document, stored.record, ENDED)
    last = collector.equipment.spool.last_sequence(state.name)
    state.next = 0 if last is None else last + 1
    state.taken = last
    state.usable = stored.usable
    state.job["collection"]["samples_collected"] = max(stored.usable - 1, 0)
    state.saved_ms = collector.now_ms()
    status = state.job["status"]
    is_of_this_boot = state.record["boot_id"] == collector.equipment.boot.id
    goes_on = collector.was_handed_over and collector.equipment.boot.clocks_agree and is_of_this_boot
    if status in FINAL:
        fate = "over"
    elif goes_on and status == "running" and state.record["first_due_ms"] is not None:
        fate = "goes on"
        state.flags.add("resumed")
        if state.is_restarting():
            # Whether the counters were restarted after the last snapshot is not known any more.
            state.flags.add("new_baseline")
        if state.job["collection"]["foreign"]:
            # When it was extended last is not known, so that it is looked at at once.
            for disk in state.disks():
                if not is_armed(collector, disk):
                    ask(collector, disk, "foreign")
    elif goes_on and status == "pending" and state.record["first_due_ms"] is None:
        fate = "looks again"
    else:
        fate = "fails"
    if fate != "over":
        state.phase = SAMPLING
    collector.jobs[state.name] = state
    return state, fate


def _go_on(collector, state, fate):
    # type: (Collector, JobState, str) -> None
    if fate == "goes on":
        collector.log("{}: resumed after a handover".format(state.name))
    elif fate == "looks again":
        collector.log("{}: starts over after a handover".format(state.name))
        look_first(collector, state)
    elif fate == "fails":
        due_ms = state.record["first_due_ms"]
        is_of_this_boot = state.record["boot_id"] == collector.equipment.boot.id
        has_died = is_of_this_boot and (due_ms is None or due_ms <= collector.now_ms())
        end(collector, state, "failed", _DIED if has_died else _REBOOTED)
    collector.publish(state.name)


def save_for_successor(collector):
    # type: (Collector) -> None
    """Writes what is to be left to the successor."""
    for state in collector.active():
        save(collector, state)
