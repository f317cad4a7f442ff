"""Optimizer: changes one parameter at a time, measures, and lets a change stay only when it helped.

In this cut it tunes the system itself: how often the Monitor samples. The objective is the shortest interval, as that
is how soon a fault is seen, whose measured cost in CPU stays under a limit.
"""
