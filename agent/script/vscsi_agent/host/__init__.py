"""The host as the collector drives it, the inventory, and which disks a job means."""
