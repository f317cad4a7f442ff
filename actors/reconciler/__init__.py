"""Reconciler: compares what is desired with what is observed, and has the difference closed.

Level-triggered: what happened is only a reason to look again; what is done follows from what the look shows. Of
workloads it keeps nothing: all it knows is found again in the world. Of data sets it keeps the inventory of the last
look, and what was tried for which key.
"""
