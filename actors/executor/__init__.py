"""Executor: keeps tasks until they are done, and has worker processes do them.

A task is acknowledged when it is committed, and is then run at least once, whatever is killed: its worker, the node, or
what it started. The tables are shared by the actor and its workers, through the store alone.
"""
