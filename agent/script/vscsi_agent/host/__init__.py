"""The host as the collector drives it, the inventory, and which disks a job means."""

from .drive import Host, HostError, stop_by_hand
from .unlisted import LIST_AGAIN_MS, Unlisted

__all__ = ["Host", "HostError", "LIST_AGAIN_MS", "Unlisted", "stop_by_hand"]
