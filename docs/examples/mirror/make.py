"""Makes the data of the example: what the server has, and a copy with 700 files missing, 50 cut off and 20 outdated."""

import contextlib
import os
import random
import sqlite3
from datetime import date, timedelta
from pathlib import Path

SYMBOLS = [f"S{number:03}" for number in range(100)]
DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(100)]
CHANGED_S = 1_712_700_000
"""When the server's files were changed, Unix seconds."""


def text(day, symbol):
    prices = random.Random(f"{day} {symbol}")
    return "date,price\n" + "".join(f"{day}T{hour:02},{prices.random():.6f}\n" for hour in range(24))


def put(path, content, changed_s):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (changed_s, changed_s))


def main():
    names = [f"{day:%Y/%m/%d}/{symbol}.csv" for day in DAYS for symbol in SYMBOLS]
    chosen = random.Random(7).sample(names, 770)
    missing, cut, outdated = set(chosen[:700]), set(chosen[700:750]), set(chosen[750:])
    for day in DAYS:
        for symbol in SYMBOLS:
            name, content = f"{day:%Y/%m/%d}/{symbol}.csv", text(day, symbol)
            put(Path("served") / name, content, CHANGED_S)
            if name in cut:
                put(Path("copy") / name, content[: len(content) // 2], CHANGED_S)
            elif name in outdated:
                put(Path("copy") / name, content, CHANGED_S - 86_400)
            elif name not in missing:
                put(Path("copy") / name, content, CHANGED_S)
    with contextlib.closing(sqlite3.connect("symbols.db")) as database:
        database.execute("create table if not exists symbols (name primary key)")
        database.executemany("insert or ignore into symbols values (?)", [(name,) for name in SYMBOLS])
        database.commit()
    for name in SYMBOLS:
        put(Path("symbols") / f"{name}.json", "{}", CHANGED_S)
    print(f"{len(names)} files served; in the copy {len(missing)} missing, {len(cut)} cut off, {len(outdated)} outdated")


if __name__ == "__main__":
    main()
