"""`gyrostat top`: the node in the whole terminal.

Charter: what is shown (screen.py) and what a key does (keys.py) are pure; feed.py asks the node in threads of its own,
and app.py is the only file that knows the terminal.
"""
