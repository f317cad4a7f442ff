#!/bin/sh
# Logs 2.6 MB once, then appends 4 KiB to disk/data all the time.
[ -e said ] || { : >said; seq 100000 900000 | head -c 2600000; }
while dd if=/dev/zero bs=4096 count=1 status=none >>disk/data; do
    date >written.new && mv written.new written
    sleep 0.1
done
exit 1
