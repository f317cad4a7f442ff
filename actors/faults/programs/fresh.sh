#!/bin/sh
# Whether a file was written within the last second or two. usage: fresh.sh FILE
[ -n "$(find "$1" -newermt '-2 seconds')" ] || { echo "$1 is stale"; exit 1; }
