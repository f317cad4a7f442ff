#!/bin/sh
# Counts in a file, ten times a second. tick.conf says how: shell assignments.
. ./tick.conf
: "${step:?tick.conf names no step}"
echo "$(date +%T) counting by $step"
n=0
while :; do
    n=$((n + step))
    echo "$n" >ticks.new && mv ticks.new ticks
    sleep 0.1
done
