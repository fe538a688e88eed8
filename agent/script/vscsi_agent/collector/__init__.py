"""The collector: one thread that takes snapshots, decides which disks are to be collected, and owns the state of every
job. HTTP threads pass requests to it, read views, and list the inventory.

It converges. `decide` is a pure function from the state to the one thing to do next; doing it changes the state; when
nothing is due it waits. Requests of clients only change the state. What the jobs need of the disks is asked of the
switch, which alone starts and stops collections: a disk that no job needs is dropped, whatever brought it there.
"""

from .state import Collector, Equipment

__all__ = ["Collector", "Equipment"]
