"""Reconciler: compares the workloads that are desired with those that are observed, and closes the difference.

Level-triggered: what happened is only a reason to look again; what is done follows from what the look shows. It keeps
no tables: all it knows is found again in the world.
"""
