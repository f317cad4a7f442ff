#!/bin/sh
# Appends 4 KiB to disk/data all the time; begins it anew when it has 400 KiB.
n=0
while :; do
    n=$((n + 1))
    [ $((n % 100)) -eq 0 ] && : >disk/data
    dd if=/dev/zero bs=4096 count=1 status=none >>disk/data || exit 1
    echo "$n" >written.new && mv written.new written
    sleep 0.1
done
