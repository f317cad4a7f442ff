"""What the Healer does with its own hands: to files and to processes that are not workloads, each undone when it fails.

One file per repair, each an object with `look`, `act` and `take_back` (see actors/healer/repair.py). They run in a
thread and may block, never longer than their deadline; nothing is touched that the workload's config does not name.
"""
