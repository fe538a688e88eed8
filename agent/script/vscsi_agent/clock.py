"""The host's two clocks. Nothing in the agent reads time elsewhere, so that a test can be a clock."""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Clock(object):
    """The clocks of the machine."""

    def wall(self):
        # type: () -> int
        """Wall clock, nanoseconds since 1970: for people, file names and cron expressions. It may jump."""
        return int(time.time() * 1000000) * 1000

    def monotonic_ms(self):
        # type: () -> int
        """Milliseconds since some moment of this boot, the same for every process: for due times, ages and rates."""
        return int(time.monotonic() * 1000)

    def sleep(self, seconds):
        # type: (float) -> None
        """Lets this much time pass on both clocks."""
        time.sleep(seconds)


def until(seconds, interval, ready):
    # type: (float, float, Callable[[], Any]) -> Any
    """Asks `ready` at once and then every `interval` seconds; `None` when it has nothing within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = ready()
        if found is not None or time.monotonic() >= end:
            return found
        time.sleep(interval)
