#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tuplerun without the module: AF_INET6 (10) plays the tuple family of AF_INET
# (2), and the other way round, so that a socket's SO_DOMAIN tells what was made.
# Usage: tuplerun_host.sh TUPLERUN STATIC

tuplerun=$(realpath "$1")
static=$(realpath "$2")
n=0
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export FAKE_INET=10 FAKE_INET6=2
# the commands it runs do not know of its sanitizer
export ASAN_OPTIONS=verify_asan_link_order=0

[ -x "$tuplerun" ] && [ -x "$static" ] || exit 1

# soon COMMAND...: it succeeds, within five seconds
soon() {

	for _ in $(seq 50); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

report() {
	n=$((n + 1))
	if "${@:2}"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/out" "$dir/err"
		failed=1
	fi
}

# shellcheck disable=SC2317
is() { [ "$status" = "$1" ] && [ "$(<"$dir/out")" = "$2" ]; }

# runs NAME STATUS OUTPUT WORDS...: tuplerun with these
runs() {
	status=0
	timeout 60 "$tuplerun" "${@:4}" >"$dir/out" 2>"$dir/err" || status=$?
	report "$1" is "$2" "$3"
}

# By name, as a script of the shell would have it
make_socket='import socket, sys
s = socket.socket(*(int(word) for word in sys.argv[1:]))
print(s.getsockopt(socket.SOL_SOCKET, 39), s.family.value)'

runs "preload: AF_INET" 0 "10 2" python3 -c "$make_socket" 2 1
runs "preload: AF_INET6" 0 "2 10" python3 -c "$make_socket" 10 2 17
runs "preload: AF_UNIX is left alone" 0 "1 1" python3 -c "$make_socket" 1 1
runs "preload: fork and exec" 0 "10 2" sh -c '"$@"; true' - env \
	python3 -c "$make_socket" 2 1
runs "seccomp: a static program is known" 0 "10 6" "$static" domain 2 1
runs "seccomp: AF_INET6" 0 "2 17" "$static" domain 10 2 17
runs "seccomp: raw sockets are left alone" 0 "2 255" "$static" domain 2 3 255
runs "seccomp: AF_UNIX is left alone" 0 "1 0" "$static" domain 1 1
runs "seccomp: errors of socket()" 0 EPROTONOSUPPORT "$static" domain 2 1 17
runs "seccomp: SOCK_CLOEXEC" 0 "1 0" "$static" flags 2 0x80000
runs "seccomp: SOCK_NONBLOCK" 0 "0 1" "$static" flags 2 0x800
runs "seccomp: both" 0 "1 1" "$static" flags 2 0x80800
runs "seccomp: neither" 0 "0 0" "$static" flags 2 0
runs "seccomp: 8 threads, with signals" 0 "10: 1600" "$static" threads 8 200 2
runs "seccomp: 50 processes" 0 "10: 50" "$static" fork 50 2
runs "seccomp: exec" 0 "10 6" "$static" exec "$static" domain 2 1
runs "seccomp: no descriptor left" 0 EMFILE "$static" full 2
runs "seccomp: no child that is not the command's" 0 ECHILD "$static" children
runs "seccomp: by choice" 0 "10 2" --seccomp python3 -c "$make_socket" 2 1

printf '#!%s children\n' "$static" >"$dir/script"
chmod +x "$dir/script"
runs "a script of a static program" 0 ECHILD "$dir/script"

# What is told when a family is not served, or all are left as they are

FAKE_INET6=none runs "preload: a family that is not there" 0 97 python3 -c '
import socket
try: socket.socket(socket.AF_INET6)
except OSError as e: print(e.errno)'
FAKE_INET6=none runs "seccomp: a family that is not there" 0 EAFNOSUPPORT \
	"$static" domain 10 1
FAKE_INET6=plain runs "preload: a family left as it is" 0 "10 10" \
	python3 -c "$make_socket" 10 1
FAKE_INET6=plain runs "seccomp: a family left as it is" 0 "10 6" \
	"$static" domain 10 1
FAKE_INET=plain FAKE_INET6=plain runs "both left as they are" 0 "2 6" \
	"$static" domain 2 1

# One tuplerun below another

# in this play, the outer one turns round what the inner one made
runs "preload below seccomp" 0 "2 2" --seccomp "$tuplerun" --preload python3 -c \
	"$make_socket" 2 1
runs "seccomp below preload" 0 "10 2" "$tuplerun" --seccomp python3 -c \
	"$make_socket" 2 1
runs "seccomp below seccomp is refused" 125 "" --seccomp "$tuplerun" --seccomp true
report "and says why" grep -q "there is one already" "$dir/err"

# LD_PRELOAD

library=$(dirname "$tuplerun")/libtuplerun_preload.so
LD_PRELOAD='' runs "LD_PRELOAD" 0 "$library" printenv LD_PRELOAD
runs "LD_PRELOAD is not there twice" 0 "$library" "$tuplerun" printenv \
	LD_PRELOAD
cp "$library" "$dir/other.so"
LD_PRELOAD=$dir/other.so runs "LD_PRELOAD is kept" 0 "$library:$dir/other.so" \
	printenv LD_PRELOAD

# How it ends

runs "its status is the command's" 7 "" sh -c 'exit 7'
runs "its status is the command's, seccomp" 7 "" --seccomp sh -c 'exit 7'
runs "a signal ends it" 143 "" sh -c 'kill -TERM $$'
runs "a signal ends it, seccomp" 137 "" --seccomp sh -c 'kill -KILL $$'
runs "it is the command, seccomp" 0 "" --seccomp sh -c "[ \$PPID = $$ ] ||
	[ \$(ps -o ppid= \$PPID) = $$ ]"
# shellcheck disable=SC2317
says() { [ "$(<"$dir/err")" = "tuplerun: $1" ]; }
for way in --preload --seccomp; do
	runs "no such command, $way" 127 "" $way no-such-command
	report "and one line" says "no-such-command: No such file or directory"
	runs "no such file, $way" 127 "" $way ./no/such/file
	report "and one line" says "./no/such/file: No such file or directory"
	runs "not to be executed, $way" 126 "" $way /etc/passwd
	report "and one line" says "/etc/passwd: Permission denied"
	runs "a folder, $way" 126 "" $way /
	report "and one line" says "/: Permission denied"
done
runs "wrong usage" 125 "" --no-such-option true
runs "no command" 125 ""

# What it leaves behind

# shellcheck disable=SC2317
no_supervisor() { ! pgrep -f "^$tuplerun --seccomp .*$dir" >/dev/null; }
# shellcheck disable=SC2317
caught() {
	local pid got=0

	"$tuplerun" --seccomp sh -c "trap 'exit 9' INT TERM; touch $dir/up
		for i in \$(seq 50); do sleep 0.1; done" >"$dir/out" 2>&1 &
	pid=$!
	soon test -e "$dir/up"
	kill -TERM "$pid"
	wait "$pid" || got=$?
	[ "$got" = 9 ]
}
report "a signal sent to it is the command's to catch" caught
report "no supervisor without a command" soon no_supervisor
: >"$dir/out"

# A daemon goes on having its sockets, and nobody waits for it
daemon="(sleep 1; $static domain 2 1 >$dir/late) >/dev/null 2>&1 &"
start=$SECONDS
out=$("$tuplerun" --seccomp sh -c "$daemon echo done $dir" 2>&1)
report "a daemon's caller does not wait" test "$out" = "done $dir" -a $((SECONDS - start)) -lt 2
sleep 2
report "a daemon has its sockets" grep -qx "10 6" "$dir/late"
report "and then the supervisor ends" soon no_supervisor

# What the caller has closed is closed to the command, and nothing else takes its
# place: not what tells the supervisor that the command ended
# shellcheck disable=SC2016,SC2317	# the command's shell expands it
closed() {
	local command='sleep 0.5
		for fd in 0 1 2; do [ ! -e /proc/$$/fd/$fd ] || open=$open$fd; done
		{ echo "open $open"; pgrep -cf "$0"; } >"$1"'

	: >"$dir/err"
	(
		eval "exec $1"
		FAKE_INET=none FAKE_INET6=none exec timeout 60 "$tuplerun" --preload \
			--scope process sh -c "$command" \
			"^$tuplerun --preload --scope process" "$dir/out"
	)
	[ "$(<"$dir/out")" = "open $2"$'\n1' ]
}
report "standard input closed" closed "<&-" 12
report "standard output closed" closed ">&-" 02
report "standard error closed" closed "2>&-" 01
report "two of them closed" closed "<&- >&-" 2
report "all closed" closed "<&- >&- 2>&-" ""
# shellcheck disable=SC2317
no_holder() { ! pgrep -f "^$tuplerun --preload --scope process" >/dev/null; }
report "and their supervisors have ended" soon no_holder

# Its end: sockets fail, rather than be ordinary ones
# shellcheck disable=SC2317
orphaned() {
	"$tuplerun" --seccomp sh -c ": $dir; touch $dir/ready
		for i in \$(seq 50); do [ -e $dir/go ] && break; sleep 0.1; done
		$static domain 2 1 >$dir/out" &
	soon test -e "$dir/ready"
	pgrep -f "^$tuplerun --seccomp .*$dir" | xargs kill -9
	touch "$dir/go"
	wait $!
	[ "$(<"$dir/out")" = ENOSYS ]
}
report "without a supervisor: ENOSYS" orphaned

# libc asks for names by sockets of its own, which preloading does not reach:
# who is bound to the socket() of the library?
LD_PRELOAD=$library LD_DEBUG=bindings python3 -c 'import socket
socket.getaddrinfo("localhost", 1)
socket.socket()' >"$dir/out" 2>"$dir/bindings"
report "python is bound to the library" grep -q "to $library .*\`socket'" "$dir/bindings"
# shellcheck disable=SC2317
libc_is_not() { ! grep -q "file [^ ]*/libc\.so[^ ]* .*to $library .*\`socket'" "$dir/bindings"; }
report "libc is not" libc_is_not

echo "# nanoseconds for socket() and close(): $("$static" time 2000 2) plain," \
	"$("$tuplerun" "$static" time 2000 2) by seccomp"
echo "1..$n"
exit $failed
