"""The nodes: who is there, who left, who is gone and who came back, and the last status each has told.

Charter: knows of other nodes and does nothing about them; a node supervises only its own workloads.
"""
