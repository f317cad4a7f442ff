"""Writes a report ten times a second with what it finds in lib/. usage: report.py [NAME of the module]"""

import importlib
import sys
import time

sys.path.insert(0, "lib")
module = importlib.import_module(sys.argv[1])
while True:
    with open("report.txt", "w") as out:
        out.write(module.render(time.monotonic()) + "\n")
    time.sleep(0.1)
