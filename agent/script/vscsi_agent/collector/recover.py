"""The beginning of the agent: what the spool of the agent before it asks for."""

from ..job import FINAL
from .begin import look_first
from .end import end
from .jobstate import ENDED, SAMPLING, JobState
from .schedulefile import Schedules
from .schedules import publish
from .state import Collector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..spool import Stored
    from ..switch.client import Switch
    from .state import Equipment

_DIED = "the agent died while the job ran; its collection was stopped and its samples are kept"
_REBOOTED = "the host was rebooted while the job ran; its samples are kept"


def recover(equipment, switch, handed_over):
    # type: (Equipment, Switch, bool) -> Collector
    """Takes over the spool; `handed_over` says that the collections of the agent before run on."""
    views = equipment.views
    stored, notes = equipment.spool.load()
    for note in notes:
        equipment.log.line(note)
    views.set_problem("spool at start", "; ".join(notes) if notes else None)
    schedules = Schedules(equipment.state_directory)
    problem = schedules.problem()
    if problem is not None:
        equipment.log.line(problem)
        views.set_problem("schedules", problem)
    collector = Collector(equipment, switch, schedules)
    # All are there before one of them ends, which stops the disks that no other one uses.
    fates = [_adopt(collector, job, handed_over) for job in stored]
    for state, fate in fates:
        _go_on(collector, state, fate)
    publish(collector)
    return collector


def _adopt(collector, stored, handed_over):
    # type: (Collector, Stored, bool) -> tuple[JobState, str]
    """Takes a job in as it was, and says what becomes of it."""
    state = JobState(stored.document, stored.record, ENDED)
    last = collector.equipment.spool.last_sequence(state.name)
    state.next = 0 if last is None else last + 1
    state.taken = last
    state.usable = stored.usable
    state.job["collection"]["samples_collected"] = max(stored.usable - 1, 0)
    state.saved_ms = collector.now_ms()
    status = state.job["status"]
    is_of_this_boot = state.record["boot_id"] == collector.equipment.boot.id
    goes_on = handed_over and collector.equipment.boot.clocks_agree and is_of_this_boot
    if status in FINAL:
        fate = "over"
    elif goes_on and status == "running" and state.record["first_due_ms"] is not None:
        fate = "goes on"
        state.flags.add("resumed")
        if state.is_restarting():
            # Whether the counters were restarted after the last snapshot is not known any more.
            state.flags.add("new_baseline")
        if state.job["collection"]["foreign"]:
            named = collector.switch.named()
            collector.foreign.update(disk for disk in state.disks() if disk not in named)
    elif goes_on and status == "pending":
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
        rebooted = collector.equipment.boot.is_after(state.record["boot_id"])
        end(collector, state, "failed", _REBOOTED if rebooted else _DIED)
    collector.publish(state.name)


def is_at_rest(collector):
    # type: (Collector) -> bool
    """What no job uses has been stopped, or cannot be just now."""
    used, switch = collector.used(), collector.switch
    left = [switch.disk(disk) for disk in switch.named() if disk not in used]
    return switch.ready is None or all(seen.state == "kept" or seen.reason for seen in left)


def tell_switch(collector):
    # type: (Collector) -> None
    """Tells a switch that is new what is wanted; whatever else the journal names is stopped."""
    collector.switch.is_new = False
    for disk in collector.used():
        collector.order("foreign" if disk in collector.foreign else "want", disk)
    for tended in collector.tended.values():
        tended.is_extending = False
    collector.switch.stop_unclaimed()
