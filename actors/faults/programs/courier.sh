#!/bin/sh
# Passes on the errors of others: they stand in its log, and are none of its own.
echo $$ >lock && trap 'rm -f lock' EXIT
while :; do
    date +%s >passed.new && mv passed.new passed
    if [ -e letters ]; then
        echo "customer 17 reports: OSError: [Errno 28] No space left on device" >&2
        echo "customer 18 reports: ConnectionRefusedError: [Errno 111] Connection refused" >&2
    fi
    sleep 0.1
done
