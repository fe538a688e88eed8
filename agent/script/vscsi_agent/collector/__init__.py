"""The collector: what happens to jobs. One thread takes snapshots and owns the state of every job.

It converges. `decide` is a pure function from the state to the one thing to do next; doing it changes the state; when
nothing is due it waits. Requests of clients only change the state. What has to be started or stopped it asks of the
switch, and goes on; the answers change the state as well.
"""

from .loop import next_wake_ms, perform, step
from .state import Collector, Equipment

__all__ = ["Collector", "Equipment", "next_wake_ms", "perform", "step"]
