"""The fixed list of programs the agent may run, and where a host keeps them."""

import os

from ..plain import encoded

PLACES = {
    # The histograms.
    "vscsiStats": (
        "usr/sbin/vscsiStats",
        "sbin/vscsiStats",
        "bin/vscsiStats",
        "usr/lib/vmware/bin/vscsiStats",
    ),
    # Storage facts.
    "esxcli": ("bin/esxcli", "sbin/esxcli", "usr/sbin/esxcli"),
    # Registered VMs.
    "vim-cmd": ("bin/vim-cmd", "sbin/vim-cmd", "usr/bin/vim-cmd"),
    # Raw devices.
    "vmkfstools": ("sbin/vmkfstools", "usr/sbin/vmkfstools", "bin/vmkfstools"),
    # The version of the host.
    "vmware": ("bin/vmware", "sbin/vmware", "usr/bin/vmware"),
    # Syslog.
    "logger": ("bin/logger", "sbin/logger", "usr/bin/logger"),
}

ALL = ("vscsiStats", "esxcli", "vim-cmd", "vmkfstools", "vmware", "logger")


class Programs(object):
    """Finds the programs below a root directory, `/` on a real host."""

    def __init__(self, root):
        # type: (str) -> None
        self._root = root

    def find(self, program):
        # type: (str) -> str | None
        """The first place at which the program is."""
        for place in PLACES[program]:
            path = os.path.join(self._root, place)
            if os.path.exists(encoded(path)):
                return path
        return None
