#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The grammar of tuplectl, its output and its exit statuses, against a kernel
# that the test plays (tuplectl_kernel.c).
# Usage: tuplectl_grammar.sh TUPLECTL

tuplectl=$1
n=0
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

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

run() {
	"$tuplectl" "$@" > "$dir/out" 2> "$dir/err"
	status=$?
}

# Run the commands of the standard input, which share one kernel
run_batch() {
	run "$@" -b -
}

# is STATUS [LINE]: that exit status, and the message begins with that line
# shellcheck disable=SC2317
is() {
	[ "$status" = "$1" ] && [ "$(head -n 1 "$dir/err")" = "${2-}" ]
}

# wrong MESSAGE WORDS...: bad usage, status 2
wrong() {
	run "${@:2}"
	report "${*:2}: $1" is 2 "tuplectl: $1"
}

# refused MESSAGE WORDS...: status 1
refused() {
	run "${@:2}"
	report "${*:2}: $1" is 1 "tuplectl: $1"
}

# fine WORDS...: status 0, and no message
fine() {
	run "$@"
	report "$*" is 0
}

# json FILTER: status 0, and jq finds it true
# shellcheck disable=SC2317
json() {
	[ "$status" = 0 ] && jq -e "$1" "$dir/out" > /dev/null
}

add=(pool add web dev eth0 prefix 10.0.0.0/24)
range="is not an address, a range or a prefix"

# Options
fine --help
fine --version
fine help
fine help pool
fine pool help
run
report "no words" [ "$status" = 2 ]
run --no-such-option
report "no such option" [ "$status" = 2 ]
wrong "'colour' is not an object" colour
wrong "'colour' is not an object" help colour
wrong "'paint' is not a command of pool" pool paint

# pool add
fine "${add[@]}"
fine "${add[@]}" prefix fd00::/64 exclude 10.0.0.1 exclude 10.0.0.5-10.0.0.9 \
	exclude fd00::/120
fine "${add[@]}" plumb prefix assign bind scope user order random \
	quarantine 5 wait 5 quota 7 users 1000 users 2000-3000 dscp ef \
	priority 6 mark 0xff default off source dhcp state draining
fine "${add[@]}" quarantine auto quota unlimited users all dscp unset \
	priority unset mark unset
wrong "the name of the pool is missing" pool add
wrong "'dev' is missing" pool add web prefix 10.0.0.0/24
wrong "'prefix' is missing" pool add web dev eth0
wrong "'prefix' is missing" pool add web dev eth0 source static
wrong "low: '-1' is not 0 to 4294967295" pool add web dev eth0 source dhcp low -1
fine pool add phones dev eth0 source dhcp low 4 high 16
wrong "'colour' is not a setting of a pool" "${add[@]}" colour red
wrong "'prefix' needs a value" "${add[@]}" prefix
wrong "'dev' is given twice" "${add[@]}" dev eth1
wrong "'wait' is given twice" "${add[@]}" wait 1 wait 2
wrong "prefix: '10.0.0.0/33' is not a prefix" \
	pool add web dev eth0 prefix 10.0.0.0/33
wrong "prefix: '+10.0.0.0/24' is not a prefix" \
	pool add web dev eth0 prefix +10.0.0.0/24
wrong "exclude: '10.0.0.1-x' $range" "${add[@]}" exclude 10.0.0.1-x
wrong "plumb: 'lead' is not address or prefix" "${add[@]}" plumb lead
wrong "default: 'inet4' is not off, on, inet or inet6" "${add[@]}" default inet4
wrong "wait: '-1' is not 0 to 4294967295" "${add[@]}" wait -1
wrong "dscp: '64' is not 0 to 63, a name such as ef or unset" \
	"${add[@]}" dscp 64
wrong "users: '7-5' is not a user, a range of uids or all" \
	"${add[@]}" users 7-5
wrong "users: '5' contradicts another users" "${add[@]}" users all users 5
refused "there are host bits: 10.0.0.1/24" "${add[@]}" prefix 10.0.0.1/24 \
	prefix 10.0.1.0/24
report "usage is told only for bad usage" [ "$(wc -l < "$dir/err")" = 1 ]

# pool set, del
wrong "nothing to set" pool set web
wrong "prefix: '10.0.0.0/24' needs a + to be added, a - to be taken away" \
	pool set web prefix 10.0.0.0/24
wrong "'dev' of a pool cannot be changed" pool set web dev eth1
wrong "'foo' is not understood" pool del web foo
wrong "'foo' is not understood" pool del web force foo
refused "no such pool" pool set web wait 5
refused "no such pool" pool del web
refused "no such pool" pool show web
report "and nothing on the standard output" [ ! -s "$dir/out" ]

run_batch -j << EOF2
pool add web dev eth0 prefix 10.0.0.0/24 exclude 10.0.0.1 mark 5
pool set web prefix +10.0.1.0/24 prefix -10.0.0.0/24 exclude -10.0.0.1 wait 9
pool show web
EOF2
report "pool set" json '.[0] | .name == "web" and .dev == "eth0"
	and .prefixes == ["10.0.1.0/24"] and .excludes == [] and .wait == 9
	and .quarantine == null and .users == null and .default == true
	and .plumb == "address" and .mark == 5 and .dscp == null
	and .total == 254 and .in_use == 1 and .quarantined == 2'

run_batch -j << EOF2
pool add a dev eth0 prefix 10.0.0.0/24 prefix fd00::/64 default inet
pool add b dev eth0 prefix fd01::/64 default inet6
pool add c dev eth0 prefix fd02::/64 default off
pool show
EOF2
report "of which families it is the default" \
	json '[.[].default] == ["inet", "inet6", false]'

run_batch -j << EOF2
pool add a dev eth0 prefix 10.0.0.0/24 users 5-6
pool add b dev eth0 prefix 10.1.0.0/24
pool del a force
p s
EOF2
report "pool del force, abbreviations" \
	json 'length == 1 and .[0].name == "b"'
run -j pool show
report "no pools" json '. == []'

run_batch << EOF2
pool add web dev eth0 prefix 10.0.0.0/24 exclude 10.0.0.1 users 5-6
pool
EOF2
report "pools as text" diff - "$dir/out" << EOF2
web dev eth0 total 254 in_use 1 quarantined 2
    prefix 10.0.0.0/24
    exclude 10.0.0.1
    plumb address assign create scope socket order lru quarantine auto warm 0 wait 0\
 quota unlimited dscp unset priority unset mark unset default on source static\
 state active users 5-6
EOF2

run_batch << EOF2
pool add phones dev eth0 source dhcp high 16
pool
EOF2
report "a pool with a source of addresses" grep -qE \
	" wait 5000 .* source dhcp low 2 high 16 state active users all$" "$dir/out"

# pool replace, and a batch that may be run twice
fine pool replace web dev eth0 prefix 10.0.0.0/24
wrong "the name of the pool is missing" pool replace
wrong "'prefix' is missing" pool replace web dev eth0
wrong "prefix: '+10.0.0.0/24' is not a prefix" \
	pool replace web dev eth0 prefix +10.0.0.0/24
every="plumb prefix assign bind scope user order random quarantine 5 wait 6 quota 7 \
users 8 users 9-10 dscp ef priority 11 mark 12 state draining"

# replaced BY HAVE: a pool of the words HAVE, replaced by that of BY, is as that
# one is by itself.
# shellcheck disable=SC2317
replaced() {
	run_batch <<-EOF2
		pool add web dev eth0 $1
		pool show
	EOF2
	cp "$dir/out" "$dir/new"
	run_batch <<-EOF2
		pool add web dev eth0 $2
		pool replace web dev eth0 $1
		pool show
	EOF2
	diff "$dir/new" "$dir/out"
}
a="prefix 10.0.0.0/24" six="prefix fd00::/64" dhcp="source dhcp"
report "replace: what is not said is as by default" replaced "$a" \
	"$a exclude 10.0.0.1 $every"
report "replace: what is said is so" replaced "$a $every exclude 10.0.0.7-10.0.0.9" "$a"
report "replace: prefixes" replaced "prefix 10.0.1.0/24 $six" \
	"$a prefix 10.0.2.0/24 prefix 10.0.1.0/24"
report "replace: by itself" replaced "$a $every" "$a $every"
report "replace: the order of IPv6" replaced "$six" "$six order sequential"
report "replace: the marks" replaced "$dhcp" "$dhcp low 0 high 1 wait 0"
report "replace: one mark above the other's default" replaced "$dhcp low 9 high 9" \
	"$dhcp low 0 high 1"
run_batch << EOF2
pool add a dev eth0 $a
pool add b dev eth0 $six default on
pool replace b dev eth0 $six
save
EOF2
report "replace: the default pool stays it" grep -q '^pool add b .*default on' "$dir/out"

cat > "$dir/batch" << EOF2
pool add web dev eth0 prefix 10.0.0.0/24 quota 5
rule add uid 5 pool web
pool add web dev eth0 prefix 10.0.1.0/24
rule add uid 5 pool web
save
EOF2
run -f -b "$dir/batch"
report "twice the same is an error" [ "$status:$(wc -l < "$dir/err")" = 1:2 ]
run -r -b "$dir/batch"
report "and none with -r" is 0
report "where the last one holds" diff - "$dir/out" << EOF2
pool add web dev eth0 prefix 10.0.1.0/24 default on
rule add uid 5 pool web
EOF2
refused "there are host bits: 10.0.0.1/24" -r "${add[@]}" prefix 10.0.0.1/24
refused "No such file or directory" -r rule del uid 5 pool web

# Stats
wrong "'--prom' is not understood" stats --prom
wrong "'b' is not understood" stats a b
wrong "JSON and Prometheus at once" -j stats --prometheus
refused "no such pool" stats none
refused "no such pool" stats --prometheus none
report "and nothing on the standard output" [ ! -s "$dir/out" ]
run -j stats
report "stats of no pools" json '. == []'
run_batch << EOF2
pool add a dev eth0 prefix 10.0.0.0/24
pool add b dev eth1 prefix fd00::/64
stats b
EOF2
report "stats as text" diff - "$dir/out" << EOF2
b dev eth1 total 18446744073709551615 in_use 1 quarantined 2
    free 18446744073709551615 peak 3 assigned 5 ended 4 held 2.501s
EOF2
run_batch -j << EOF2
pool add a dev eth0 prefix 10.0.0.0/24
stats
EOF2
report "stats as JSON" json '.[0] | .name == "a" and .free == 251
	and .peak == 3 and .assigned == 5 and .ended == 4
	and .held_mean_ms == 2501 and .failed == {}'
run_batch << 'EOF2'
pool add "a\\" dev eth0 prefix 10.0.0.0/24
pool add b dev eth1 prefix fd00::/64
stats --prometheus
EOF2
report "stats for Prometheus" [ "$status" = 0 ]
report "a label is quoted" grep -qxF \
	'inet_tuple_pool_addresses{pool="a\\",dev="eth0"} 254' "$dir/out"
report "all ones are infinite" grep -qxF \
	'inet_tuple_pool_free{pool="b",dev="eth1"} +Inf' "$dir/out"
report "seconds are seconds" grep -qxF \
	'inet_tuple_pool_held_seconds_total{pool="b",dev="eth1"} 10.004' "$dir/out"
# shellcheck disable=SC2016	# awk's own
report "each metric is told of once, and all of its values follow" \
	awk '/^# HELP/ { n = $3; if (seen[n]++) exit 1 }
		!/^#/ { sub(/\{.*/, "", $1); if ($1 != n) exit 1 }
		END { exit NR == 0 }' "$dir/out"

# Leases
wrong "'colour' is not understood" lease show colour red
wrong "'pool' needs a value" lease show pool
wrong "address: '10.0.0' is not an address" lease show address 10.0.0
wrong "'pool' is given twice" lease show pool a pool b
wrong "the address is missing" lease kill
wrong "'all' is not an address or a prefix" lease kill all
wrong "'10.0.0.0/33' is not an address or a prefix" lease kill 10.0.0.0/33
refused "no such pool" -j lease show pool none
report "and nothing on the standard output" [ ! -s "$dir/out" ]
refused "Operation not permitted" lease kill 10.0.0.1
refused "Operation not permitted" lease kill 10.64.0.0/31
refused "Operation not permitted" lease kill 10.64.0.1/32
fine lease kill 10.64.1.0/24
run -j lease show pool web address 10.64.0.1
report "leases" json 'length == 2 and (.[0]
	| .address == "10.64.0.1" and .pool == "web" and .state == "active"
	and .scope == "socket" and .age_ms == 61000 and .expiry_ms == null
	and .socket_count == 1 and (.sockets[0] | .protocol == "tcp"
	and .state == "ESTAB" and .local_port == 40000 and .peer_port == 80
	and .peer_address == "192.0.2.1" and .uid == 1000
	and .owners[0].command == "tuplectl"))
	and (.[1] | .state == "quarantine" and .left_ms == 1500)'
run lease
report "leases as text: lines" [ "$(wc -l < "$dir/out")" = 4 ]
report "leases as text: owners" grep -q \
	'^    tcp .* port 40000 peer 192.0.2.1:80 .* users:(("tuplectl",pid=' \
	"$dir/out"
TUPLECTL_UID=0 run lease
report "leases as text: the user by name" grep -q ' user root users:' "$dir/out"
TUPLECTL_UID=4294967294 run lease
report "leases as text: one that has none" grep -q ' user 4294967294 users:' "$dir/out"
TUPLECTL_LEASES=20000 run -j lease show
report "many leases" json 'length == 20000'

# Addresses
wrong "'web' is not understood" addr show web
wrong "'pool' needs a value" addr show pool
wrong "'x' is not understood" addr show pool web x
refused "no such pool" -j addr show pool none
report "and nothing on the standard output" [ ! -s "$dir/out" ]
run addr
report "addresses as text" diff -b - "$dir/out" << EOF2
ADDRESS         POOL            STATE       VALID        IDLE
10.9.0.1        phones          active      1h01m
10.9.0.2        phones          stock       for ever     1.500s
EOF2
run -j addr show pool phones
report "addresses" json '. == [
	{"address": "10.9.0.1", "pool": "phones", "state": "active",
	 "valid_s": 3661, "idle_ms": null},
	{"address": "10.9.0.2", "pool": "phones", "state": "stock",
	 "valid_s": null, "idle_ms": 1500}]'

# Rules
wrong "'pool' is missing" rule add uid 5
wrong "one of 'uid', 'gid', 'cgroup' is missing" rule add pool web
wrong "uid: 'no one' is not a user" rule add uid "no one" pool web
wrong "'uid' is given twice" rule add uid 5 uid 6 pool web
refused "No such file or directory" rule del uid 5 pool web
run_batch -j << EOF2
rule add uid root gid 5 pool web
rule add cgroup "/sys/fs/cgroup/a b" pool web
rule add uid 9 pool web
rule del uid 9 pool web
rule show
EOF2
report "rules" json '. == [
	{"uid": 0, "gid": 5, "cgroup": null, "pool": "web"},
	{"uid": null, "gid": null, "cgroup": "/a b", "pool": "web"}]'

# Batches
cat > "$dir/batch" << EOF2
# comment
pool add a dev eth0 \\
	prefix 10.0.0.0/24

pool add a dev eth0 prefix 10.1.0.0/24
pool add b dev eth0 prefix bad
pool add 'c dev eth0
pool add d dev eth0 prefix 10.2.0.0/24   # comment
pool show
EOF2
run -b "$dir/batch"
report "a batch ends with the first error" \
	is 1 "tuplectl: $dir/batch:5: there is a pool of that name"
report "and does no more" [ ! -s "$dir/out" ]
run -j -f -b "$dir/batch"
report "a batch goes on with -f, and has failed" \
	is 1 "tuplectl: $dir/batch:5: there is a pool of that name"
report "the word is told" grep -q \
	"batch:6: prefix: 'bad' is not a prefix" "$dir/err"
report "the open quote is told" grep -q "batch:7: the quote ' is not closed" "$dir/err"
report "and no usage" [ "$(wc -l < "$dir/err")" = 3 ]
status=0
report "and does the rest" json 'map(.name) == ["a", "d"]'
cat > "$dir/batch" << 'EOF2'
# C:\
pool add a dev eth0 prefix 10.0.0.0/24
pool add b dev eth0 \
	prefix 10.1.0.0/24 # and \
pool add "c#'\" #" dev eth0 \
	prefix 10.2.0.0/24
pool add d#e'" #' dev eth0 prefix 10.3.0.0/24 \
	# no more \
pool add \\#f dev eth0 prefix 10.4.0.0/24 \
	wait 5
pool show
EOF2
run -j -b "$dir/batch"
report "a backslash joins no line to a comment" json 'map(.name) == ["a", "b",
	"c#\u0027\" #", "d#e\" #", "\\#f"] and .[4].wait == 5'
head -c 4096 /dev/zero > "$dir/zeros"
refused "$dir/zeros:1: there is a NUL byte" -b "$dir/zeros"
printf 'pool add a dev eth0 prefix 10.0.0.0/24\n%s\0%s\npool show\n' \
	"pool set a" " wait 5" > "$dir/zeros"
run -f -b "$dir/zeros"
report "a NUL byte does not end a line unseen" is 1 \
	"tuplectl: $dir/zeros:2: there is a NUL byte"
report "and a batch goes on with -f" grep -q '^a dev eth0' "$dir/out"
refused "$dir/none: No such file or directory" -b "$dir/none"
wrong "'pool' after a batch file" -b "$dir/batch" pool show

# save: what it prints makes what it printed
cat > "$dir/batch" << EOF2
pool add web dev eth0 prefix 10.0.0.0/24 prefix 10.9.0.0/16 prefix 10.1.0.1 \
	exclude 10.0.0.1-10.0.0.3 exclude 10.9.1.0/24 default off
pool add six dev eth1 prefix fd00::/64 plumb prefix assign bind scope cgroup \
	order lru quarantine 0 wait 5 quota 7 users 1000 users 2000-3000 \
	dscp cs5 priority 6 mark 0xff default on state draining
pool add phones dev eth0 source dhcp low 4 high 16
pool add deaf dev eth0 source dhcp wait 0
pool add two dev eth0 prefix 10.2.0.0/24 prefix fd02::/64 default inet6
rule add cgroup "/a \\"b\\" #c" pool six
rule add uid 5 gid 6 pool web
save
EOF2
run -b "$dir/batch"
cp "$dir/out" "$dir/saved"
report "save" diff - "$dir/out" << 'EOF2'
pool add web dev eth0 prefix 10.0.0.0/24 prefix 10.9.0.0/16 prefix 10.1.0.1/32 exclude 10.0.0.1-10.0.0.3 exclude 10.9.1.0/24 default off
pool add six dev eth1 prefix fd00::/64 plumb prefix assign bind scope cgroup order lru quarantine 0 wait 5 quota 7 dscp 40 priority 6 mark 0xff default on state draining users 1000 users 2000-3000
pool add phones dev eth0 wait 5000 default off source dhcp low 4 high 16
pool add deaf dev eth0 wait 0 default off source dhcp low 2 high 8
pool add two dev eth0 prefix 10.2.0.0/24 prefix fd02::/64 default inet6
rule add cgroup "/a \"b\" #c" pool six
rule add uid 5 gid 6 pool web
EOF2
{ cat "$dir/saved"; echo save; } > "$dir/batch"
run -b "$dir/batch"
report "save of what was saved" cmp "$dir/saved" "$dir/out"

# A rule outlives its pool, and is refused without one
run_batch << 'EOF2'
pool add web dev eth0 prefix 10.0.0.0/24
pool add old dev eth0 prefix 10.1.0.0/24
rule add uid 5 pool old
rule add cgroup "/a #b" pool old
rule add uid 5 pool web
pool del old force
save
EOF2
cp "$dir/out" "$dir/batch"
report "save: a rule whose pool is gone is a comment" diff - "$dir/out" << 'EOF2'
pool add web dev eth0 prefix 10.0.0.0/24 default on
# rule add uid 5 pool old   # no such pool
# rule add cgroup "/a #b" pool old   # no such pool
rule add uid 5 pool web
EOF2
echo save >> "$dir/batch"
run -b "$dir/batch"
report "so that what was saved can be made" is 0
report "and is without them then" [ "$(grep -c old "$dir/out"):$(wc -l < "$dir/out")" = 0:2 ]

# None is made without a prefix, but all may be taken away
run_batch << 'EOF2'
pool add web dev eth0 prefix 10.0.0.0/24
pool add bare dev eth0 prefix 10.1.0.0/24 quota 5
pool add phones dev eth0 source dhcp
rule add uid 5 pool bare
rule add uid 6 pool web
pool set bare prefix -10.1.0.0/24
save
EOF2
cp "$dir/out" "$dir/batch"
report "save: a pool without a prefix is a comment, and so are its rules" \
	diff - "$dir/out" << 'EOF2'
pool add web dev eth0 prefix 10.0.0.0/24 default on
# pool add bare dev eth0 quota 5 default off   # no prefix
pool add phones dev eth0 wait 5000 default off source dhcp low 2 high 8
# rule add uid 5 pool bare   # pool not saved
rule add uid 6 pool web
EOF2
echo save >> "$dir/batch"
run -b "$dir/batch"
report "so that the others can be made" is 0
report "and are" [ "$(grep -c bare "$dir/out"):$(wc -l < "$dir/out")" = 0:3 ]

# monitor
run monitor
report "events as text" grep -q \
	' lease fail fd01:: pool web error File exists$' "$dir/out"
report "an end has a reason" grep -q \
	' lease del fd01:: pool web state unplumbing scope socket reason expired$' \
	"$dir/out"
report "a line each" [ "$(wc -l < "$dir/out")" = 4 ]
run -j monitor
status=0
status=0
report "a JSON object each" [ "$(jq -r .event "$dir/out" | tr '\n' ' ')" = \
	"pool_new lease_fail lease_del rule_new " ]
report "with the reason" [ "$(jq -r 'select(.event == "lease_del").reason' \
	"$dir/out")" = expired ]

# What is not there
TUPLECTL_NO_MODULE=1 refused "the kernel module inet_tuple is not loaded" \
	pool show
refused "network namespace 'no-such-one': No such file or directory" \
	-N no-such-one pool show
wrong "'dev' is missing" -N no-such-one pool add x

echo "1..$n"
exit "$failed"
