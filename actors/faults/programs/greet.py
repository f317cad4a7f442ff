"""Greets by what its environment and its greeting.ini say; either may be wrong."""

import configparser
import os
import time

settings = configparser.ConfigParser()
settings.read("greeting.ini")
name = os.environ["GREET_NAME"]
word = settings["greeting"]["word"]
every = float(settings["greeting"]["every"])
while True:
    with open("greeted.new", "w") as out:
        out.write(f"{word} {name}\n")
    os.replace("greeted.new", "greeted")
    time.sleep(every)
