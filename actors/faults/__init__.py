"""The fault suite: real faults in real programs, what the node did about each, and a look past the node at the result.

Charter: knows the node from outside only, as any tool does: its command line, its config file, its facts and commands.
Each fault has a node, a directory and programs of its own; none of them is of another.
"""
