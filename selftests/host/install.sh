#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make install: that it puts every file where README and the packages look for
# it, and nothing else, and that what it puts there knows its place.

top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

# report NAME COMMAND...
report() {
	n=$((n + 1))
	if "${@:2}" >"$dir/out" 2>&1; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		tail -n 40 "$dir/out" | sed 's/^/# /'
		failed=1
	fi
}

headers=$("$top/scripts/kernel" 6.12 | sed -n 's/^headers=//p')
release=$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$headers/include/generated/utsrelease.h")

# One after the other with the machines that are made of the same tree
install_to() {
	mkdir -p "$top/build"
	flock "$top/build/.lock" make -C "$top" install KDIR="$headers" DESTDIR="$dir/$1" "${@:2}"
}

uninstall_from() {
	flock "$top/build/.lock" make -C "$top" uninstall KDIR="$headers" \
		DESTDIR="$dir/$1" "${@:2}"
}

# expected PREFIX LIBDIR UNITDIR, from the root
expected() {
	sed -e "s,@P,$1,; s,@L,$2,; s,@U,$3,; s,@R,$release," <<'FILES' | sort
/lib/modules/@R/updates/inet_tuple.ko
@P/bin/tuplerun
@P/include/libinettuple.h
@P/include/linux/inet_tuple.h
@L/libinettuple.a
@L/libinettuple.so
@L/libinettuple.so.0
@L/libinettuple.so.0.0.0
@L/pkgconfig/libinettuple.pc
@P/lib/dhcpcd/dhcpcd-hooks/80-inet-tuple.sh
@P/lib/inet_tuple/libtuplerun_preload.so
@U/inet-tuple.service
@U/inet-tupled.service
@P/sbin/inet-tupled
@P/sbin/tuplectl
@P/share/bash-completion/completions/tuplectl
@P/share/bash-completion/completions/tuplerun
@P/share/man/man1/tuplerun.1
@P/share/man/man3/libinettuple.3
@P/share/man/man7/inet_tuple.7
@P/share/man/man8/inet-tupled.8
@P/share/man/man8/tuplectl.8
FILES
}

# files DIR EXPECTED...
files() { diff <(expected "${@:2}") <(cd "$1" && find . ! -type d -printf '/%P\n' | sort); }

pc() { PKG_CONFIG_LIBDIR=$1/pkgconfig pkg-config --variable="$2" libinettuple; }

report "make install" install_to local
report "its files" files "$dir/local" /usr/local /usr/local/lib /usr/local/lib/systemd/system
# as after ldconfig, on a Debian
libraries() {
	mkdir -p "$dir/local/etc" && echo /usr/local/lib >"$dir/local/etc/ld.so.conf" &&
		ldconfig -r "$dir/local" && ldconfig -r "$dir/local" -p | grep 'libinettuple\.so\.0 '
}
report "ldconfig finds the library" libraries
report "the service knows tuplectl's place" grep -q '^ExecStart=/usr/local/sbin/tuplectl ' \
	"$dir/local/usr/local/lib/systemd/system/inet-tuple.service"
report "pkg-config knows the library's" \
	[ "$(pc "$dir/local/usr/local/lib" libdir)" = /usr/local/lib ]

# Somewhere else, what is built already must not remember the first place.
report "make install, elsewhere" install_to opt PREFIX=/opt/tuple \
	LIBDIR=/opt/tuple/lib64 UNITDIR=/etc/systemd/system
report "its files" files "$dir/opt" /opt/tuple /opt/tuple/lib64 /etc/systemd/system
report "the service knows tuplectl's place" grep -q '^ExecStart=/opt/tuple/sbin/tuplectl ' \
	"$dir/opt/etc/systemd/system/inet-tuple.service"
report "and the other inet-tupled's" grep -q '^ExecStart=/opt/tuple/sbin/inet-tupled$' \
	"$dir/opt/etc/systemd/system/inet-tupled.service"
report "pkg-config knows the library's" \
	[ "$(pc "$dir/opt/opt/tuple/lib64" libdir)" = /opt/tuple/lib64 ]
report "tuplerun knows its library's" \
	grep -qa '/opt/tuple/lib/inet_tuple' "$dir/opt/opt/tuple/bin/tuplerun"

# One version everywhere

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$top/debian/changelog")
report "tuplectl is of the changelog's version" \
	[ "$("$dir/opt/opt/tuple/sbin/tuplectl" --version)" = "tuplectl $version" ]
report "so is the library" [ "$(PKG_CONFIG_LIBDIR=$dir/opt/opt/tuple/lib64/pkgconfig \
	pkg-config --modversion libinettuple)" = "$version" ]
report "so is DKMS's module" grep -qx "PACKAGE_VERSION=\"$version\"" "$top/dkms.conf"

# What the packages promise of symbols is what the library has.
symbols() {
	diff <(sed -n 's/^ \(inet_tuple_.*\)@LIBINETTUPLE_0 .*/\1/p' \
		"$top/debian/libinettuple0.symbols" | sort) \
		<(nm -D --defined-only "$dir/opt/opt/tuple/lib64/libinettuple.so.0" |
			sed -n 's/.* T \(inet_tuple_[^@]*\).*/\1/p' | sort)
}
report "debian/libinettuple0.symbols has every symbol" symbols

# And gone again, but for what is not ours

gone() { ! find "$dir/$1" ! -type d -o -name 'inet_tuple*' -o -name hooks.d | grep .; }
mkdir -p "$dir/local/etc/inet_tuple/hooks.d"
touch "$dir/local/usr/local/bin/other" "$dir/local/etc/inet_tuple/hooks.d/mine"
report "make uninstall" uninstall_from local
report "what others put there stays" \
	rm "$dir/local/usr/local/bin/other" "$dir/local/etc/inet_tuple/hooks.d/mine"
rm -r "$dir/local/etc/"
report "and nothing of its own" gone local
report "make uninstall, elsewhere" uninstall_from opt PREFIX=/opt/tuple \
	LIBDIR=/opt/tuple/lib64 UNITDIR=/etc/systemd/system
report "nothing stays" gone opt

echo "1..$n"
exit $failed
