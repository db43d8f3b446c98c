#!/bin/bash
# Shows that the two commands of the README work on a machine that has nothing: a Debian 12 made
# by debootstrap (minbase, git, make), this machine's apt, pip, npm and certificate settings
# copied in, a clone of HEAD, `make run`, `make test`. Prints the wall times. Needs root and
# debootstrap.
#   scripts/fresh_machine.sh [DIRECTORY]     default: a new one under /var/tmp, removed at the end
#   KEEP=1 leaves the machine there to look at
set -euo pipefail
cd "$(dirname "$0")/.."
((EUID == 0)) || { echo "fresh_machine: needs root (debootstrap, chroot)" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh_machine: needs debootstrap" >&2; exit 1; }

work=${1:-$(mktemp -d /var/tmp/hearth-fresh.XXXXXX)}
root=$work/root
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$work"

# Every mount is made in a namespace of its own (unshare below) and is gone with the last process in
# it, so nothing of this machine is ever mounted where this removes.
clean_up() {
  [[ -n ${KEEP:-} ]] && { echo "kept: $root"; return; }
  if grep -q " $root" /proc/self/mounts; then
    echo "fresh_machine: something is mounted under $root; left as it is" >&2
    return
  fi
  rm -rf --one-file-system "$root"
  rmdir "$work" 2>/dev/null || true
}
trap clean_up EXIT

# Names of variables that point pip, npm and TLS at this machine's mirrors and certificates.
names='^(PIP_|NPM_|npm_|SSL_CERT|REQUESTS_CA|CURL_CA|GIT_SSL|NODE_EXTRA)|_(proxy|PROXY)$'
settings=()
while IFS= read -r name; do
  settings+=("$name=${!name}")
done < <(compgen -e | grep -E "$names")

copy_settings() {
  local path
  rm -f "$root/etc/apt/sources.list"
  for path in /etc/apt /usr/share/keyrings /etc/ssl/certs /usr/local/share/ca-certificates; do
    [[ -d $path ]] && mkdir -p "$root$path" && cp -aT "$path" "$root$path"
  done
  for path in /etc/resolv.conf /etc/hosts /etc/pip.conf ~/.config/pip/pip.conf ~/.npmrc; do
    [[ -f $path ]] && mkdir -p "$root${path%/*}" && cp -L "$path" "$root$path"
  done
  return 0
}

# In the machine, with /proc, /dev/pts and /dev/shm, and an environment made of the settings alone.
inside() {
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mkdir -p "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    exec chroot "$root" /usr/bin/env -i "$@"' inside "$root" HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
    bash -c "cd /root/hearth 2>/dev/null || cd /root; $1"
}

timed() {
  local start=$SECONDS status=0
  echo "== $1"
  inside "$1" || status=$?
  times+=("$(printf '%5d s  %s (exit %d)' $((SECONDS - start)) "$1" "$status")")
  ((status == 0)) || failures=$((failures + 1))
}

times=() failures=0
debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" "$mirror" \
  >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
rm -f "$work/debootstrap.log"
copy_settings
git bundle create -q "$root/root/hearth.bundle" HEAD
timed "git clone -q hearth.bundle hearth"
timed "make run"
timed "make test"
echo "fresh Debian $(<"$root/etc/debian_version"), $(nproc) cores:"
printf '%s\n' "${times[@]}"
((failures == 0)) && echo "fresh machine: both green" || { echo "fresh machine: FAILED"; exit 1; }
