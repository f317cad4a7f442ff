"""Tells people what they want to know, once, where they want it; what it has to say survives the node.

Charter: hears issues, questions, emergencies and failures; groups them by the routes of the config; keeps every message
until its channel has taken it. It decides nothing about what is wrong, and repairs nothing.
"""
