"""Where readings come from: the kernel's process table, the host's counters, the node's own process."""
