#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command in a root folder in which folders of this machine are mounted: enter.sh ROOT FROM:TO… -- COMMAND…
# The mounts belong to a namespace of their own, so that nothing stays mounted.
set -e
if [ -z "$MDD_ENTERED" ]; then
    MDD_ENTERED=1 exec unshare --mount --propagation private sh "$0" "$@"
fi
root=$1
shift
mkdir -p "$root/proc" "$root/dev" "$root/tmp"
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
chmod 1777 "$root/tmp"
while [ "$1" != "--" ]; do
    mkdir -p "$root${1#*:}"
    mount --bind "${1%%:*}" "$root${1#*:}"
    shift
done
shift
exec chroot "$root" env --unset MDD_ENTERED "$@"
