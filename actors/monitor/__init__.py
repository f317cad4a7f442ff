"""Monitor: measures the host, every workload's process tree and the node itself, and says how well they are.

It changes nothing in the world: it reads, remembers a bounded past, and publishes readings, crossed thresholds, trends
and health levels.
"""
