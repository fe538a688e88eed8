"""Who is connected.

Most places are for those who have shown the token, so that a crowd of strangers keeps nobody out; a stranger who is in
has a moment for itself to show it, and then makes room for the next.
"""

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# Connections that have not shown the token yet, at one time.
STRANGERS = 16

# Connections that have, at one time.
FRIENDS = 40

# How long a stranger has its place for itself, seconds. `connect` shows the token in the same moment in which it is
# connected.
PATIENCE = 0.05

# How often it is looked whether a place is free, seconds.
_LOOK_EVERY = 0.005


class Place(object):
    """A connection's place."""

    def __init__(self, show_out):
        # type: (Callable[[], None]) -> None
        self.show_out = show_out
        # When it was let in, monotonic seconds.
        self.came = 0.0


class Places(object):
    """All places."""

    def __init__(self):
        # type: () -> None
        self._mutex = threading.Lock()
        # By age.
        self._strangers = []  # type: list[Place]
        self._friends = set()  # type: set[Place]

    def enter(self, show_out):
        # type: (Callable[[], None]) -> Place
        """Gives a stranger a place, which the oldest stranger leaves for it when none is free. `show_out` ends the
        connection from another thread.
        """
        place = Place(show_out)
        while not self._let_in(place):
            # The oldest stranger has had its moment soon.
            time.sleep(_LOOK_EVERY)
        return place

    def _let_in(self, place):
        # type: (Place) -> bool
        oldest = None
        with self._mutex:
            if len(self._strangers) >= STRANGERS:
                if time.monotonic() - self._strangers[0].came < PATIENCE:
                    return False
                oldest = self._strangers.pop(0)
            place.came = time.monotonic()
            self._strangers.append(place)
        if oldest is not None:
            oldest.show_out()
        return True

    def befriend(self, place):
        # type: (Place) -> bool
        """The client has shown the token, now or before; false when it has to go all the same, because there are too
        many friends or it has just made room for another stranger.
        """
        with self._mutex:
            if place in self._friends:
                return True
            if len(self._friends) >= FRIENDS or place not in self._strangers:
                return False
            self._strangers.remove(place)
            self._friends.add(place)
            return True

    def leave(self, place):
        # type: (Place) -> None
        """The connection has ended."""
        with self._mutex:
            self._friends.discard(place)
            if place in self._strangers:
                self._strangers.remove(place)
