# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts share: the place of things, the packages of this machine.

set -euo pipefail
shopt -s inherit_errexit

# shellcheck disable=SC2034	# used by those who source this
TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${INET_TUPLE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inet_tuple}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -- "$@"
	fi
}

# Only one at a time makes a thing of the cache: lock NAME, held to the end
# of the (sub)shell that asks for it.
lock() {
	mkdir -p "$CACHE"
	exec {lock_fd}>"$CACHE/.lock-$1"
	flock "$lock_fd"
}

# The lists age: a package that security replaced is gone from the archive.
refresh_lists() {
	local lists=/var/lib/apt/lists

	[ -n "${1:-}" ] ||
		[ -z "$(find $lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null)" ] ||
		return 0
	say "updating the package lists"
	as_root apt-get -qq update >&2
}

packages_missing() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
		sed -n 's/^ii *//p' | sort -u |
		comm -13 - <(printf '%s\n' "$@" | sort -u)
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends "$@" >"$CACHE/apt.log" 2>&1
}

# packages NAME...: they are installed when this returns.
packages() {
	local missing

	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	(
		lock apt
		say "installing ${missing[*]}"
		refresh_lists
		apt_install "${missing[@]}" || {
			refresh_lists force
			apt_install "${missing[@]}"
		} || {
			cat "$CACHE/apt.log" >&2
			die "cannot install ${missing[*]}"
		}
	)
}

# What every build of the module, the library and the tools asks for.
build_packages() {
	packages gcc libc6-dev make pkg-config libmnl-dev libnftables-dev rsync
}
