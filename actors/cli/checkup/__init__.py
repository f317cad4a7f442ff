"""What `gyrostat doctor` looks at.

Charter: looks at the machine and writes nothing that stays; each look gives findings, and a finding that is not well
says its cure. What a number means is decided in verdicts.py, which is pure.
"""
