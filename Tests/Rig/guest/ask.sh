#!/bin/bash
# Asks the agent: ask.sh PATH; prints the whole answer. By bash alone, because starting Python costs an
# emulated machine most of a second, and scenarios ask hundreds of times.
exec 3<>/dev/tcp/127.0.0.1/9750 || exit 1
printf 'GET %s HTTP/1.1\r\nHost: rig\r\nConnection: close\r\n\r\n' "$1" >&3
exec cat <&3
