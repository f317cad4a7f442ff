"""A forgotten shell over a database: takes its lock and keeps it."""

import sqlite3
import sys
import time

db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
while True:
    time.sleep(60)
