"""The demo: real programs, a real node, real faults, and an independent look at every repair.

Charter: knows the node from outside only, as any tool does: its command line, its config file, its facts and commands.
"""
