#!/bin/sh
# Reads a file once, then writes what it read all the time. usage: answer.sh FILE OUTPUT
text=$(cat "$1") || exit 3
while :; do
    echo "$text" >"$2.$$" && mv "$2.$$" "$2"
    sleep 0.1
done
