#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same machine, started again: the pools are there. A file that is wrong is
# told of, and nothing stays when the packages are purged.

. "$(dirname "$0")/lib.sh"

wait_for 60 systemctl -q is-active $unit
check_output "the service has run" active systemctl is-active $unit
check_output "the pools are there, and the rule" "$(cat $conf)" tuplectl save
peer
check "the other end of the cable" wait_for 30 curl -so /dev/null http://10.0.0.1/
check_match "curl has an address of its own" '^10\.0\.64\.[0-9]+$' readme

# The agent for DHCP: nobody in particular, who may do two things

agent=inet-tupled.service
told() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(systemctl show -P MainPID $agent)/status"; }
check_output "inet-tupled is off" disabled eval "systemctl is-enabled $agent || :"
check "it is turned on, and starts" documented dynamic.rst "systemctl enable --now inet-tupled"
check_match "it is not root" '^[1-9][0-9]*[[:space:]]' told Uid
check_output "it has CAP_NET_ADMIN and CAP_NET_RAW" 0000000000003000 told CapEff
check_output "and can have no other" 0000000000003000 told CapBnd
check_output "and get none by what it runs" 1 told NoNewPrivs
check_output "its system calls are filtered" 2 told Seccomp
check_match "it has a name for servers" '^duid 0004' cat /var/lib/inet-tupled/state
check_output "which nobody else reads" 600 stat -L -c %a /var/lib/inet-tupled/state
check "a pool for it" tuplectl pool add phones dev eth0 source dhcp
# shellcheck disable=SC2016	# the variables are perl's
waits() { perl -e '$> = 65534; print socket(my $s, 18, 2 | 2048, 0) ? 0 : 0 + $!'; }
tuplectl pool set phones default on
check_output "sockets may wait for what it brings: EAGAIN" 11 waits
tuplectl pool set demo default on
check_fails "and it has its packets" grep -q 'the device is' \
	<<<"$(journalctl -b -u $agent -o cat)"
check "it stops" systemctl stop $agent
check "of its own will" test "$(systemctl show -P Result $agent)" = success
tuplectl pool del phones

# What it may do its hooks may, and no more

cat >/etc/inet_tuple/hooks.d/tell <<'HOOK'
#!/bin/sh
echo "hook: $* $(id -u) $(sed -n 's/CapEff:[[:space:]]*//p' /proc/self/status)"
[ "$1" != add ] || nft list map inet tuple mark4 | tr -s '\n\t' ' ' |
	sed -n 's/.*elements = \([^}]*}\).*/hook: has \1\n/p'
true >/etc/inet_tuple/hooks.d/wrote || echo "hook: may not write"
ip netns exec lan true || echo "hook: may not leave"
HOOK
chmod +x /etc/inet_tuple/hooks.d/tell
mkdir -p /run/systemd/system/$agent.d
shown qos.rst "systemctl edit inet-tupled" >/run/systemd/system/$agent.d/export.conf
systemctl daemon-reload
tuplectl pool set demo mark 7
hook() { wait_for 20 eval "journalctl -b -u $agent -o cat | grep -qE '^hook: $1\$'"; }
check "it starts, with maps of leases" systemctl start $agent
check "and tells a hook, which is not root and has its capabilities" \
	hook 'start [1-9][0-9]* 0000000000003000'
readme >/dev/null 2>&1
check "of a lease" hook 'add 10[.]0[.]64[.][0-9]+ demo - .*'
check "which is in the map, as the hook sees" hook 'has [{] 10[.]0[.]64.* : 0x00000007 [}]'
check "but may write nowhere" hook 'may not write'
check "and go to no other namespace" hook 'may not leave'
rm -r /etc/inet_tuple/hooks.d/tell /run/systemd/system/$agent.d
tuplectl pool set demo mark 0
systemctl daemon-reload
systemctl restart $agent
check "it starts again" systemctl start inet-tupled

# The file changes, and is applied under a connection that goes on.

check "the service is enabled" documented install.rst "systemctl enable inet-tuple.service"
check "it is looked at" \
	documented install.rst "systemctl --no-pager status inet-tuple.service"
check "so is its log" documented install.rst "journalctl --no-pager -u inet-tuple.service"
# shellcheck disable=SC2016	# the variables are that shell's
coproc CLIENT {
	exec tuplerun -- bash -c 'exec 5<>/dev/tcp/10.0.0.1/80 && read -r &&
		printf "GET / HTTP/1.0\r\n\r\n" >&5 && tail -n 1 <&5'
}
defer kill "$CLIENT_PID"
exec {from}<&"${CLIENT[0]}" {to}>&"${CLIENT[1]}"
connected() { tuplectl lease show pool demo | grep -q ESTAB; }
check "somebody is connected" wait_for 30 connected
holder=$(tuplectl lease show pool demo | sed -n 's/^\(10[^ ]*\) .* active .*/\1/p')
sed -i 's/^pool add demo .*24/& quota 100/; s/ order random//' $conf
check "a reload, of pools that are there" \
	documented install.rst "systemctl reload inet-tuple.service"
check_match "applies what was added" "^pool add demo .* quota 100 default on$" tuplectl save
check_match "and what was taken away" "^pool add six .* order lru quarantine 100 " tuplectl save
sed -i 's/ quota 100//; s/^\(pool add six .*\) quarantine/\1 order random quarantine/' $conf
check "so does a restart" systemctl restart $unit
check_output "exactly" "$(cat $conf)" tuplectl save
echo >&"$to"
IFS= read -r -t 30 answer <&"$from"
check_output "and the connection went on, by $holder" "${holder:-none}" echo "$answer"

# A device that comes late: the service waits for it.

drop_ins=/etc/systemd/system/inet-tuple.service.d
mkdir -p $drop_ins
cp $conf /tmp/conf
shown install.rst service.d/device.conf >$drop_ins/device.conf
echo "pool add late dev wg0 prefix 10.9.0.0/24 default off" >>$conf
systemctl daemon-reload
systemctl stop $unit
systemctl start --no-block $unit
waits_for_device() { systemctl list-jobs | grep -q 'wg0\.device .*start.*running'; }
check "the service waits for a device" wait_for 20 waits_for_device
check_fails "and has not run" systemctl -q is-active $unit
ip link add wg0 type dummy
check "the device comes, and it runs" wait_for 60 systemctl -q is-active $unit
check_match "the device has its pool" "^late dev wg0 total 254 " tuplectl pool show late
tuplectl pool del late
ip link delete wg0
cp /tmp/conf $conf
rm -r $drop_ins
systemctl daemon-reload

# Or ifupdown has the pool come and go with it.

shown install.rst network/interfaces >/etc/network/interfaces
ip link add wg0 type dummy
for i in 1 2; do
	check "ifup, $i" ifup wg0
	check_match "makes the pool, $i" "^vpn dev wg0 total 254 " tuplectl pool show vpn
	check "ifdown, $i" ifdown wg0
	check_fails "takes it away, $i" tuplectl pool show vpn
done
ip link delete wg0

# A line that is wrong. The others apply.

clear() {
	tuplectl rule del uid root pool demo
	tuplectl pool del six force
	tuplectl pool del demo force
}
clear
sed -i '1a pool add bad dev eth0 prefix 10.1.0.0/33' $conf
check_fails "a wrong line fails the service" systemctl restart $unit
check_match "and is told with file, line and word" \
	"tuplectl: $conf:2: prefix: '10.1.0.0/33' is not a prefix$" \
	journalctl -b -u $unit -o cat
check_output "the other lines apply" "$(sed 2d $conf)" tuplectl save
sed -i '2d' $conf
check "a file that is right again does not" systemctl restart $unit
check_output "and applies" "$(cat $conf)" tuplectl save

# A service that brings its rule, and has another cgroup at each start

services=/etc/systemd/system
mkdir $services/blue.service.d
cat >$services/blue.service <<'UNIT'
[Service]
ExecStart=sh -c 'tuplerun -- curl -s http://10.0.0.1/ >/run/blue; exec sleep 1000'
UNIT
shown cookbook.rst blue.service.d/tuple.conf >$services/blue.service.d/tuple.conf
systemctl daemon-reload
blue() { rm -f /run/blue; systemctl "$1" blue && wait_for 20 test -s /run/blue && cat /run/blue; }
tuplectl pool add blue dev eth0 prefix 10.0.67.0/28 quarantine 0
tuplectl rule del uid root pool demo	# it came first
check_match "a service with a rule, as in the cookbook, leaves by its pool" '^10\.0\.67\.' blue start
check_match "and when it is started again" '^10\.0\.67\.' blue restart
check_output "by the same rule" 1 eval 'tuplectl rule show | grep -c blue.service'
sed -i /ExecStartPre/d $services/blue.service.d/tuple.conf
systemctl daemon-reload
check_match "which needs not be brought again" '^10\.0\.67\.' blue restart
systemctl stop blue
rm -r $services/blue.service $services/blue.service.d
systemctl daemon-reload
tuplectl rule del cgroup /system.slice/blue.service pool blue
tuplectl pool del blue force

# And away with it.

# Anything of ours, but for what dpkg and apt say they did and this test itself
left() {
	find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /usr/lib/inet_tuple/test \
		-o -path /usr/lib/inet_tuple/vm -o -path /var/log \) -prune -o \
		\( -iname '*inet[-_]tuple*' -o -name '*inettuple*' -o -name 'tuplectl*' \
		-o -name 'tuplerun*' \) -print | grep -v '^/usr/lib/inet_tuple$'
	grep -rl --exclude=guest-run.service inet_tuple /etc \
		"/lib/modules/$(uname -r)"/modules.{dep,alias}
	dkms status 2>/dev/null
}
check "the packages are removed" apt-get remove -qq -y inet-tuple
check "which leaves the configuration" test -s $conf
check_fails "and nobody who gets addresses" systemctl -q is-active $agent
check "pools in use stay" eval "lsmod | grep -q '^inet_tuple '"
check "the module goes" wait_for 20 modprobe -r inet_tuple
check "the packages are purged" apt-get purge -qq -y inet-tuple inet-tuple-dkms libinettuple0
check_output "and nothing is left" "" eval "left || :"
