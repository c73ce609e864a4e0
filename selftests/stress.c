// SPDX-License-Identifier: GPL-2.0-only
/* Everything at once: sockets made, used and closed by threads of several
 * processes, while pools, devices, addresses, namespaces and the module itself
 * come and go. Meanwhile what the module tells is held against what rtnetlink and
 * sock_diag tell; at the end nothing may be left.
 *
 * STRESS_SECONDS (20), STRESS_SEED
 */

#include "prove.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define PROCESSES 3
#define THREADS 3
#define SLOTS 24
#define TARGETS 32
#define ERRNOS 600

enum {
	V_TWICE, V_NOT_ON_DEV, V_NO_LEASE, V_NO_ROUTE, V_STUCK, V_NO_HOLDER,
	VIOLATIONS
};

/* What all processes see */
static struct shared {
	volatile int stop;		/* everybody is to end */
	volatile int admin_pause;	/* nothing is configured */
	volatile int admin_paused;
	volatile int worker_pause;	/* no socket is touched */
	volatile int workers_busy;
	uint64_t ops[16], failed[16];
	uint64_t admin_ops, admin_failed, looks, strict_looks;
	uint64_t rmmod_refused, rmmod_done;
	uint64_t errnos[ERRNOS];
	int bad_errno, bad_op;
	int rmmod_bad;
	int violations[VIOLATIONS];
	uint64_t holders;		/* sockets seen with a lease's address */
	bool plain[2][8][64];		/* see plain_of() */
	struct sockaddr_storage target[TARGETS];
	int target_type[TARGETS];
} *sh;

static const char *const violation[] = {
	"an address is never in two leases",
	"an active lease of a pool with plumb address is on its device",
	"an address of the module always has a lease",
	"a pool with plumb prefix has its local routes while its device is up",
	"no lease is for ever being put on a device or taken off it",
	"a socket with an address of a pool always has a lease",
};

static uint64_t seed;
static unsigned int grace;

static void count(uint64_t *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

/* Workers */

enum op {
	OP_SOCKET, OP_BIND, OP_CONNECT, OP_LISTEN, OP_ACCEPT, OP_SEND, OP_RECV,
	OP_SHUTDOWN, OP_CLOSE, OP_DUP, OP_OPTION, OP_NAME, OP_TLS, OP_FORK,
	OP_DISCONNECT, OPS
};

static const char *const op_name[] = {
	"socket", "bind", "connect", "listen", "accept", "send", "recv",
	"shutdown", "close", "dup", "option", "name", "tls", "fork",
	"disconnect",
};

static const int weight[OPS] = {
	22, 12, 16, 8, 10, 14, 6, 4, 14, 3, 6, 4, 3, 1, 3,
};

static volatile int slots[SLOTS];

static void outcome(enum op op, int result)
{
	count(&sh->ops[op]);
	if (result >= 0)
		return;
	count(&sh->failed[op]);
	if (errno < ERRNOS)
		count(&sh->errnos[errno]);
	/* what only the kernel may see: ERESTARTSYS and its like */
	if (errno > 133 || errno <= 0) {
		sh->bad_errno = errno;
		sh->bad_op = op;
	}
}

static int take_slot(int i)
{
	return __atomic_exchange_n(&slots[i], -1, __ATOMIC_SEQ_CST);
}

static void put_slot(int i, int fd)
{
	int old = __atomic_exchange_n(&slots[i], fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
}

static const char *const pool_names[] = {
	"pa", "pp", "ps", "pi", "x0", "x1", "x2", "x3", "none", "",
};

static socklen_t random_address(struct sockaddr_storage *ss, bool v6)
{
	struct sockaddr_in *sin = (void *)ss;
	struct sockaddr_in6 *sin6 = (void *)ss;
	char text[64];

	memset(ss, 0, sizeof(*ss));
	if (v6) {
		sin6->sin6_family = rnd(8) ? AF_INET6 : AF_INET6_TUPLE;
		switch (rnd(8)) {
		case 0:
			snprintf(text, sizeof(text), "::1");
			break;
		case 1:
			snprintf(text, sizeof(text), "::");
			break;
		case 2:
			snprintf(text, sizeof(text), "::ffff:10.77.%u.%u",
				 rnd(8), rnd(64));
			break;
		default:
			snprintf(text, sizeof(text), "fd77:%x::%x", rnd(8),
				 rnd(64));
		}
		inet_pton(AF_INET6, text, &sin6->sin6_addr);
		sin6->sin6_port = rnd(3) ? htons(2000 + rnd(16)) : 0;
		return sizeof(*sin6);
	}
	sin->sin_family = rnd(8) ? AF_INET : AF_INET_TUPLE;
	switch (rnd(8)) {
	case 0:
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		break;
	case 1:
		sin->sin_addr.s_addr = htonl(INADDR_ANY);
		break;
	default:
		sin->sin_addr.s_addr = htonl(0x0a4d0000 | rnd(8) << 8 | rnd(64));
	}
	sin->sin_port = rnd(3) ? htons(2000 + rnd(16)) : 0;
	return sizeof(*sin);
}

static bool is_v6(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_INET6;
}

static int sock_type(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type;
}

static int do_socket(void)
{
	static const struct { int type, proto; } kinds[] = {
		{ SOCK_STREAM, 0 }, { SOCK_STREAM, 0 }, { SOCK_STREAM, 0 },
		{ SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, 0 },
		{ SOCK_DGRAM, 0 }, { SOCK_DGRAM, IPPROTO_UDP },
		{ SOCK_STREAM, IPPROTO_MPTCP }, { SOCK_RAW, 253 },
		{ SOCK_DGRAM, IPPROTO_ICMP }, { SOCK_DGRAM, IPPROTO_UDPLITE },
		{ SOCK_STREAM, IPPROTO_SCTP }, { SOCK_SEQPACKET, IPPROTO_SCTP },
	};
	int i = rnd(sizeof(kinds) / sizeof(kinds[0])), v6 = rnd(2);
	struct timeval tv = { .tv_usec = 20000 + rnd(60000) };
	int proto = kinds[i].proto, type = kinds[i].type, fd, on = 1;

	if (v6 && proto == IPPROTO_ICMP)
		proto = IPPROTO_ICMPV6;
	if (rnd(4))
		type |= SOCK_NONBLOCK;
	fd = socket(v6 ? AF_INET6_TUPLE : AF_INET_TUPLE, type, proto);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (rnd(2))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	put_slot(rnd(SLOTS), fd);
	return 0;
}

static int do_connect(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = random_address(&ss, is_v6(fd));
	int i;

	if (rnd(6)) {	/* to somebody who listens */
		i = rnd(TARGETS);
		ss = sh->target[i];
		len = ss.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						 sizeof(struct sockaddr_in);
	}
	return connect(fd, (void *)&ss, len);
}

static int do_listen(int fd)
{
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);
	int err = listen(fd, 1 + rnd(8)), i;

	if (!err && !getsockname(fd, (void *)&ss, &len)) {
		i = rnd(TARGETS);
		sh->target[i] = ss;
		sh->target_type[i] = sock_type(fd);
	}
	return err;
}

static int do_send(int fd)
{
	static const int flags[] = { 0, 0, MSG_DONTWAIT, MSG_FASTOPEN,
				     MSG_MORE, MSG_ZEROCOPY };
	char data[2048] = {};
	struct sockaddr_storage ss;
	socklen_t len = random_address(&ss, is_v6(fd));
	int flag = flags[rnd(6)] | MSG_NOSIGNAL;

	if (rnd(3) == 0)
		return send(fd, data, rnd(sizeof(data)), flag);
	return sendto(fd, data, rnd(sizeof(data)), flag, (void *)&ss, len);
}

static int do_option(int fd)
{
	const char *name = pool_names[rnd(10)];
	struct inet_tuple_lease lease;
	uint64_t id = rnd(4);
	socklen_t len = sizeof(lease);
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	switch (rnd(6)) {
	case 0:
		return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, name,
				  strlen(name));
	case 1:
	case 2:
		return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE,
				  name, strlen(name));
	case 3:
		return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID, &id,
				  sizeof(id));
	case 4:
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				  sizeof(linger));
	default:
		return getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, &lease,
				  &len);
	}
}

static int do_tls(int fd)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};
	int err = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3);

	if (!err && rnd(2))
		err = setsockopt(fd, SOL_TLS, rnd(2) ? TLS_TX : TLS_RX, &info,
				 sizeof(info));
	return err;
}

static int do_disconnect(int fd)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	return connect(fd, &unspec, sizeof(unspec));
}

static int do_bind(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = random_address(&ss, is_v6(fd));

	if (rnd(3) == 0)	/* the wildcard more often */
		memset(is_v6(fd) ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr :
		       (void *)&((struct sockaddr_in *)&ss)->sin_addr, 0,
		       is_v6(fd) ? 16 : 4);
	return bind(fd, (void *)&ss, len);
}

static int do_accept(int fd)
{
	struct timeval tv = { .tv_usec = 30000 };
	int new, proto = 0;
	socklen_t len = sizeof(proto);

	/* accept() of MPTCP does not know SO_RCVTIMEO */
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &len);
	if (proto == IPPROTO_MPTCP)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	new = accept4(fd, NULL, NULL, rnd(2) ? SOCK_NONBLOCK : 0);

	if (new < 0)
		return new;
	setsockopt(new, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(new, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	put_slot(rnd(SLOTS), new);
	return 0;
}

static int do_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {		/* holds all sockets for a while */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		usleep(50000);
		_exit(0);
	}
	return pid < 0 ? -1 : 0;
}

static int do_op(enum op op)
{
	static const int closing = OP_CLOSE;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char data[4096];
	int i = rnd(SLOTS), fd;

	if (op == OP_SOCKET)
		return do_socket();
	if (op == OP_FORK)
		return do_fork();
	fd = op == closing ? take_slot(i) : slots[i];
	if (fd < 0)
		return 0;
	switch (op) {
	case OP_BIND:
		return do_bind(fd);
	case OP_CONNECT:
		return do_connect(fd);
	case OP_LISTEN:
		return do_listen(fd);
	case OP_ACCEPT:
		return do_accept(fd);
	case OP_SEND:
		return do_send(fd);
	case OP_RECV:
		return recv(fd, data, sizeof(data), MSG_DONTWAIT);
	case OP_SHUTDOWN:
		return shutdown(fd, rnd(3));
	case OP_CLOSE:
		return close(fd);
	case OP_DUP:
		fd = dup(fd);
		if (fd >= 0)
			put_slot(rnd(SLOTS), fd);
		return fd < 0 ? -1 : 0;
	case OP_OPTION:
		return do_option(fd);
	case OP_NAME:
		return rnd(2) ? getsockname(fd, (void *)&ss, &len) :
				getpeername(fd, (void *)&ss, &len);
	case OP_TLS:
		return do_tls(fd);
	case OP_DISCONNECT:
		return do_disconnect(fd);
	default:
		return 0;
	}
}

static enum op random_op(void)
{
	int total = 0, pick, i;

	for (i = 0; i < OPS; i++)
		total += weight[i];
	pick = rnd(total);
	for (i = 0; pick >= weight[i]; i++)
		pick -= weight[i];
	return i;
}

static void *worker(void *arg)
{
	enum op op;

	rnd_seed(seed + (uintptr_t)arg);
	while (!sh->stop) {
		if (sh->worker_pause) {
			usleep(20000);
			continue;
		}
		__atomic_fetch_add(&sh->workers_busy, 1, __ATOMIC_SEQ_CST);
		op = random_op();
		errno = 0;
		outcome(op, do_op(op));
		__atomic_fetch_sub(&sh->workers_busy, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void on_alarm(int sig)
{
}

static void worker_process(int n)
{
	struct itimerval it = {
		.it_interval.tv_usec = 37000, .it_value.tv_usec = 37000,
	};
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t thread[THREADS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	if (n == 1) {		/* system calls are interrupted here */
		sigaction(SIGALRM, &sa, NULL);
		setitimer(ITIMER_REAL, &it, NULL);
	}
	if (n == 2 && setuid(1000))
		_exit(1);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, worker,
				   (void *)(uintptr_t)(n * THREADS + i + 1)))
			_exit(1);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

/* The administrator */

static struct inet_tuple_handle *handle;

/* An address that was excluded from its pool, or the host's own, may be bound with
 * no lease, and stay so when it is the pool's again.
 */
static bool *plain_of(const struct inet_tuple_addr *a)
{
	static const unsigned char net4[] = { 10, 77 }, net6[] = { 0xfd, 0x77 };
	bool v6 = a->family == AF_INET6;
	int n = v6 ? a->bytes[3] : a->bytes[2];

	return memcmp(a->bytes, v6 ? net6 : net4, 2) || n >= 8 ? NULL :
	       &sh->plain[v6][n][a->bytes[v6 ? 15 : 3] % 64];
}

static void plain_note(const char *text)
{
	struct inet_tuple_addr a = { strchr(text, ':') ? AF_INET6 : AF_INET };

	inet_pton(a.family, text, a.bytes);
	*plain_of(&a) = true;
}

static void handle_renew(void)
{
	if (handle)
		inet_tuple_handle_close(handle);
	handle = NULL;
	if (inet_tuple_handle_open(&handle, NULL))
		handle = NULL;
}

static int pick_lease_cb(const struct inet_tuple_obj *lease, void *arg)
{
	struct inet_tuple_addr *addr = arg;

	inet_tuple_obj_addr(lease, INET_TUPLE_A_LEASE_ADDR, addr);
	return rnd(8) == 0;
}

static int pool_any(int i)
{
	unsigned int plumb = rnd(2);

	return pool_add(handle, "name=%s dev=tp%u prefix=10.77.%u.0/26 prefix=fd77:%u::/122 plumb=%u assign=%u scope=%u order=%u quarantine=%u wait=%u warm=%u",
			pool_names[i], rnd(2), i, i, plumb, rnd(2),
			rnd(3) ? 0 : rnd(4), rnd(3), rnd(3) ? 0 : rnd(40),
			rnd(3) ? 0 : rnd(100), plumb || rnd(2) ? 0 : rnd(60));
}

static void base_pools(void)
{
	pool_add(handle, "name=pa dev=tp0 prefix=10.77.0.0/26 prefix=fd77:0::/122 quarantine=0 warm=20");
	pool_add(handle, "name=pp dev=tp1 prefix=10.77.1.0/26 prefix=fd77:1::/122 plumb=1 quarantine=5");
	pool_add(handle, "name=ps dev=tp0 prefix=10.77.2.0/28 prefix=fd77:2::/124 scope=1 assign=1 wait=30 quarantine=0");
	plain_note("10.77.3.3");
	pool_add(handle, "name=pi dev=tp1 prefix=10.77.3.0/28 exclude=10.77.3.3 quota=9 wait=20");
}

static int pool_change(void)
{
	static const char *const key[] = {
		"assign", "scope", "order", "quarantine", "wait", "state",
		"default", "plumb", "quota", "dscp", "mark", "priority",
		"warm",
	};
	static const int limit[] = { 2, 4, 3, 50, 100, 2, 4, 2, 20, 64, 9, 7, 60 };
	int i = rnd(8), k = rnd(13);
	char text[64];

	switch (rnd(6)) {
	case 0:
		return pool_set(handle, "name=%s prefix=10.77.%u.64/27", pool_names[i], i);
	case 1:
		return pool_set(handle, "name=%s -prefix=10.77.%u.64/27", pool_names[i], i);
	case 2:
		snprintf(text, sizeof(text), "10.77.%u.%u", i, rnd(16));
		plain_note(text);
		return pool_set(handle, "name=%s exclude=%s", pool_names[i], text);
	case 3:
		return pool_set(handle, "name=%s -exclude=10.77.%u.%u", pool_names[i], i, rnd(16));
	default:
		return pool_set(handle, "name=%s %s=%u", pool_names[i], key[k], rnd(limit[k]));
	}
}

static int rule_any(void)
{
	struct inet_tuple_obj *rule = inet_tuple_obj_alloc(INET_TUPLE_RULE_OBJ);
	int err;

	inet_tuple_obj_set_str(rule, INET_TUPLE_A_RULE_POOL, pool_names[rnd(8)]);
	inet_tuple_obj_set_num(rule, INET_TUPLE_A_RULE_UID, rnd(2) ? 1000 : 0);
	err = rnd(2) ? inet_tuple_rule_add(handle, rule) :
		       inet_tuple_rule_del(handle, rule);
	inet_tuple_obj_free(rule);
	return err;
}

static int lease_kill_any(void)
{
	struct inet_tuple_addr addr = {};

	inet_tuple_lease_list(handle, NULL, NULL, pick_lease_cb, &addr);
	return addr.family ? inet_tuple_lease_kill(handle, &addr) : 0;
}

/* As "ip addr flush" does: one after the other, whosever it is */
static int flush_any(const char *dev, bool all)
{
	struct seen s = {};
	int index = if_nametoindex(dev), i;

	seen_look(&s);
	for (i = 0; i < s.n_addrs; i++)
		if (s.addrs[i].ifindex == index && (all || !rnd(6)))
			addr_change(RTM_DELADDR, index, s.addrs[i].addr.family,
				    s.addrs[i].addr.bytes, s.addrs[i].len);
	seen_free(&s);
	return 0;
}

static int foreign_any(void)
{
	char text[64];
	bool v6 = rnd(2);
	int type = rnd(2) ? RTM_NEWADDR : RTM_DELADDR;

	snprintf(text, sizeof(text), v6 ? "fd77:%u::%x" : "10.77.%u.%u",
		 rnd(8), rnd(v6 ? 64 : 10));
	if (type == RTM_NEWADDR)
		plain_note(text);
	return addr_text(type, rnd(2) ? "tp0" : "tp1", text,
			 rnd(2) ? (v6 ? 128 : 32) : (v6 ? 64 : 24));
}

static void device_addresses(void)
{
	addr_text(RTM_NEWADDR, "tp0", "10.99.0.1", 24);
	addr_text(RTM_NEWADDR, "tp1", "10.99.1.1", 24);
	addr_text(RTM_NEWADDR, "tp0", "fd99:0::1", 64);
	addr_text(RTM_NEWADDR, "tp1", "fd99:1::1", 64);
}

static int device_any(void)
{
	const char *dev = rnd(3) ? "tp1" : "tp0";

	switch (rnd(4)) {
	case 0:
		link_down(dev);
		usleep(rnd(20000));
		link_up(dev);
		break;
	case 1:
		link_del("tp1");
		usleep(rnd(50000));
		dummy_add("tp1");
		break;
	default:
		flush_any(dev, rnd(3) == 0);
	}
	device_addresses();
	return 0;
}

/* A namespace that goes with its sockets open and its pools there */
static int namespace_any(void)
{
	int fd[8], i, status;
	pid_t pid = fork();

	if (pid > 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return 0;
	}
	if (pid)
		return -errno;
	own_namespace();
	handle = NULL;		/* the other one is our parent's */
	handle_renew();
	dummy_add("tp0");
	dummy_add("tp1");
	device_addresses();
	if (!handle)
		_exit(0);
	base_pools();
	for (i = 0; i < 8; i++) {
		fd[i] = socket(rnd(2) ? AF_INET_TUPLE : AF_INET6_TUPLE,
			       rnd(2) ? SOCK_STREAM : SOCK_DGRAM, 0);
		if (rnd(2))
			do_send(fd[i]);
		else if (rnd(2))
			listen(fd[i], 3);
	}
	if (rnd(2))
		link_down("tp0");
	_exit(0);
}

static int rmmod_any(void)
{
	int err = module_remove();

	if (!err) {
		count(&sh->rmmod_done);
		module_insert();
		handle_renew();
		base_pools();
	} else if (err == -EAGAIN || err == -EBUSY || err == -ENOENT) {
		count(&sh->rmmod_refused);
	} else {
		sh->rmmod_bad = err;
	}
	return 0;
}

static int admin_op(void)
{
	int dice = rnd(100);

	if (dice < 20)
		return pool_any(rnd(8));
	if (dice < 45)
		return pool_change();
	if (dice < 58)
		return inet_tuple_pool_del(handle, pool_names[rnd(8)], rnd(2));
	if (dice < 70)
		return lease_kill_any();
	if (dice < 78)
		return foreign_any();
	if (dice < 88)
		return device_any();
	if (dice < 93)
		return rule_any();
	if (dice < 96)
		return namespace_any();
	if (dice < 98)
		return rmmod_any();
	base_pools();
	return 0;
}

static void admin_process(void)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rnd_seed(seed + 1000);
	rtnl_close();
	handle = NULL;
	handle_renew();
	while (!sh->stop) {
		if (sh->admin_pause) {
			sh->admin_paused = 1;
			usleep(20000);
			continue;
		}
		sh->admin_paused = 0;
		if (!handle) {
			handle_renew();
			usleep(10000);
			continue;
		}
		err = admin_op();
		count(&sh->admin_ops);
		if (err)
			count(&sh->admin_failed);
		if (err == -EOPNOTSUPP || err == -EPROTO || err == -EINVAL)
			handle_renew();		/* the module came anew */
		usleep(rnd(20000));
	}
	_exit(0);
}

/* The checker */

struct view_lease {
	struct inet_tuple_addr addr;
	uint64_t state;
	char pool[INET_TUPLE_NAMSIZ];
};

struct view_pool {
	char name[INET_TUPLE_NAMSIZ];
	uint64_t plumb, ifindex;
	struct inet_tuple_prefix prefix[8];
	int n;
};

struct view_sock {
	struct inet_tuple_addr addr;
	int proto, state, port;
	unsigned int inode;
};

struct view {
	struct view_lease *leases;
	int n_leases, max;
	struct view_sock *socks;
	int n_socks, max_socks, proto;
	struct view_pool pools[16];
	int n_pools;
	struct seen seen;
};

static int view_lease_cb(const struct inet_tuple_obj *obj, void *arg)
{
	struct view *v = arg;
	struct view_lease *l;

	if (v->n_leases == v->max) {
		v->max = v->max ? 2 * v->max : 256;
		v->leases = realloc(v->leases, v->max * sizeof(*l));
	}
	l = &v->leases[v->n_leases++];
	memset(l, 0, sizeof(*l));
	inet_tuple_obj_addr(obj, INET_TUPLE_A_LEASE_ADDR, &l->addr);
	inet_tuple_obj_num(obj, INET_TUPLE_A_LEASE_STATE, &l->state);
	snprintf(l->pool, sizeof(l->pool), "%s",
		 inet_tuple_obj_str(obj, INET_TUPLE_A_LEASE_POOL));
	return 0;
}

static int view_pool_cb(const struct inet_tuple_obj *obj, void *arg)
{
	struct view *v = arg;
	struct view_pool *p;
	unsigned int i;

	if (v->n_pools == 16)
		return 0;
	p = &v->pools[v->n_pools++];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s",
		 inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME));
	inet_tuple_obj_num(obj, INET_TUPLE_A_POOL_PLUMB, &p->plumb);
	inet_tuple_obj_num(obj, INET_TUPLE_A_POOL_IFINDEX, &p->ifindex);
	for (i = 0; i < 8; i++)
		if (inet_tuple_obj_prefix(obj, INET_TUPLE_A_POOL_PREFIX, i,
					  &p->prefix[p->n]) == 0)
			p->n++;
		else
			break;
	return 0;
}

/* States of TCP: <netinet/tcp.h> does not go with <linux/tcp.h>. */
enum { SYN_RECV = 3, FIN_WAIT2 = 5, TIME_WAIT = 6 };

static int view_sock_cb(const struct nlmsghdr *nlh, void *arg)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(nlh);
	const unsigned char *src = (const void *)d->id.idiag_src;
	struct view *v = arg;
	struct view_sock *s;

	/* no sockets yet, or no longer: these end by themselves */
	if (d->idiag_state == SYN_RECV || d->idiag_state == TIME_WAIT ||
	    (d->idiag_state == FIN_WAIT2 && !d->idiag_inode))
		return MNL_CB_OK;
	if (v->n_socks == v->max_socks) {
		v->max_socks = v->max_socks ? 2 * v->max_socks : 256;
		v->socks = realloc(v->socks, v->max_socks * sizeof(*s));
	}
	s = &v->socks[v->n_socks++];
	memset(s, 0, sizeof(*s));
	s->addr.family = d->idiag_family;
	if (s->addr.family == AF_INET6 && !memcmp(src, mapped, 12)) {
		s->addr.family = AF_INET;
		src += 12;
	}
	memcpy(s->addr.bytes, src, s->addr.family == AF_INET ? 4 : 16);
	s->proto = v->proto;
	s->state = d->idiag_state;
	s->port = ntohs(d->id.idiag_sport);
	s->inode = d->idiag_inode;
	return MNL_CB_OK;
}

/* Not SCTP, whose bind() nothing takes back when the lease is taken away */
static int view_socks(struct view *v)
{
	static const int proto[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_RAW,
		IPPROTO_MPTCP,
	};
	static struct mnl_socket *diag;
	struct inet_diag_req_v2 *req;
	char buf[256];
	struct nlmsghdr *nlh;
	int i, err;

	v->n_socks = 0;
	for (i = 0; i < 2 * (int)(sizeof(proto) / sizeof(proto[0])); i++) {
		v->proto = proto[i / 2];
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		nlh->nlmsg_flags = NLM_F_DUMP;
		req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
		req->sdiag_family = i % 2 ? AF_INET6 : AF_INET;
		req->sdiag_protocol = v->proto;
		req->idiag_states = ~0;
		if (v->proto > 255)	/* as IPPROTO_MPTCP is */
			mnl_attr_put_u32(nlh, INET_DIAG_REQ_PROTOCOL, v->proto);
		err = netlink_talk(&diag, NETLINK_SOCK_DIAG, nlh, view_sock_cb, v);
		if (err && err != -ENOENT)	/* a protocol that is not there */
			return err;
	}
	return 0;
}

static bool view_look(struct view *v)
{
	int err = 0;

	v->n_leases = 0;
	v->n_pools = 0;
	if (!handle)
		handle_renew();
	if (!handle)
		return false;
	err = seen_look(&v->seen);
	if (!err)
		err = inet_tuple_pool_list(handle, view_pool_cb, v);
	if (!err)
		err = inet_tuple_lease_list(handle, NULL, NULL, view_lease_cb, v);
	if (!err)
		err = view_socks(v);
	if (err)
		handle_renew();
	return !err;
}

static struct view_pool *view_pool(struct view *v, const char *name)
{
	int i;

	for (i = 0; i < v->n_pools; i++)
		if (!strcmp(v->pools[i].name, name))
			return &v->pools[i];
	return NULL;
}

static bool view_has(const struct view *v, const struct inet_tuple_addr *a,
		     uint64_t ifindex)
{
	int i;

	for (i = 0; i < v->seen.n_addrs; i++)
		if (addr_equal(&v->seen.addrs[i].addr, a) &&
		    v->seen.addrs[i].ifindex == (int)ifindex)
			return true;
	return false;
}

static bool view_routes(const struct view *v, const struct view_pool *p, int n)
{
	int i;

	for (i = 0; i < v->seen.n_routes; i++)
		if (addr_equal(&v->seen.routes[i].addr, &p->prefix[n].addr) &&
		    v->seen.routes[i].len == p->prefix[n].len &&
		    v->seen.routes[i].ifindex == (int)p->ifindex)
			return true;
	return false;
}

/* Is it an address that pools lease? */
static bool view_pooled(const struct view *v, const struct inet_tuple_addr *a)
{
	const struct inet_tuple_prefix *p;
	int i, j, bits;

	for (i = 0; i < v->n_pools; i++)
		for (j = 0; j < v->pools[i].n; j++) {
			p = &v->pools[i].prefix[j];
			for (bits = 0; bits < p->len; bits++)
				if ((p->addr.bytes[bits / 8] ^ a->bytes[bits / 8]) &
				    0x80 >> bits % 8)
					break;
			if (p->addr.family == a->family && bits == p->len)
				return plain_of(a) && !*plain_of(a);
		}
	return false;
}

/* May somebody speak from it? */
static bool view_leased(const struct view *v, const struct inet_tuple_addr *a)
{
	int i;

	for (i = 0; i < v->n_leases; i++)
		if (addr_equal(&v->leases[i].addr, a) &&
		    v->leases[i].state < INET_TUPLE_LEASE_QUARANTINE)
			return true;
	return false;
}

struct problem {
	int kind;
	struct inet_tuple_addr addr;
	char text[160];
};

#define PROBLEMS 64

static int find_problems(struct view *v, struct problem *list)
{
	int n = 0, i, j;
	struct view_lease *l;
	struct view_pool *p;
	struct view_sock *s;

#define PROBLEM(k, a, ...)					\
	do {							\
		if (n == PROBLEMS)				\
			return n;				\
		list[n].kind = k;				\
		list[n].addr = a;				\
		snprintf(list[n++].text, 160, __VA_ARGS__);	\
	} while (0)

	for (i = 0; i < v->n_leases; i++) {
		l = &v->leases[i];
		p = view_pool(v, l->pool);
		for (j = 0; j < i; j++)
			if (addr_equal(&l->addr, &v->leases[j].addr))
				PROBLEM(V_TWICE, l->addr, "%s: pools %s and %s",
					addr_name(&l->addr), l->pool,
					v->leases[j].pool);
		if (l->state == INET_TUPLE_LEASE_PLUMBING ||
		    l->state == INET_TUPLE_LEASE_UNPLUMBING)
			PROBLEM(V_STUCK, l->addr, "%s of %s: state %d",
				addr_name(&l->addr), l->pool, (int)l->state);
		if (!p || (l->state != INET_TUPLE_LEASE_ACTIVE &&
			   l->state != INET_TUPLE_LEASE_WARM) ||
		    p->plumb != INET_TUPLE_PLUMB_ADDRESS || !p->ifindex ||
		    p->ifindex >= 4096 || !v->seen.up[p->ifindex])
			continue;
		if (!view_has(v, &l->addr, p->ifindex))
			PROBLEM(V_NOT_ON_DEV, l->addr, "%s of %s is not on %d",
				addr_name(&l->addr), l->pool, (int)p->ifindex);
	}
	for (i = 0; i < v->seen.n_addrs; i++) {
		if (v->seen.addrs[i].proto != PLUMB_PROTO)
			continue;
		for (j = 0; j < v->n_leases; j++)
			if (addr_equal(&v->seen.addrs[i].addr,
				       &v->leases[j].addr) &&
			    v->leases[j].state != INET_TUPLE_LEASE_QUARANTINE)
				break;
		if (j == v->n_leases)
			PROBLEM(V_NO_LEASE, v->seen.addrs[i].addr, "%s on %d",
				addr_name(&v->seen.addrs[i].addr),
				v->seen.addrs[i].ifindex);
	}
	for (i = 0; i < v->n_pools; i++) {
		p = &v->pools[i];
		if (p->plumb != INET_TUPLE_PLUMB_PREFIX || !p->ifindex ||
		    p->ifindex >= 4096 || !v->seen.up[p->ifindex])
			continue;
		for (j = 0; j < p->n; j++)
			if (!view_routes(v, p, j))
				PROBLEM(V_NO_ROUTE, p->prefix[j].addr,
					"%s/%d of %s, device %d",
					addr_name(&p->prefix[j].addr),
					p->prefix[j].len, p->name,
					(int)p->ifindex);
	}
	for (i = 0; i < v->n_socks; i++) {
		s = &v->socks[i];
		if (view_leased(v, &s->addr))
			count(&sh->holders);
		else if (view_pooled(v, &s->addr))
			PROBLEM(V_NO_HOLDER, s->addr,
				"%s port %d, protocol %d, state %d, inode %u",
				addr_name(&s->addr), s->port, s->proto, s->state,
				s->inode);
	}
	return n;
}

/* Of @list keep what is in @now as well. */
static int keep_common(struct problem *list, int n, struct problem *now, int m)
{
	int i, j, kept = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < m; j++)
			if (list[i].kind == now[j].kind &&
			    addr_equal(&list[i].addr, &now[j].addr))
				break;
		if (j < m)
			list[kept++] = list[i];
	}
	return kept;
}

static void wait_quiet(bool workers)
{
	uint64_t end = now_ms() + 5000;

	while (!sh->admin_paused && now_ms() < end)
		usleep(10000);
	while (workers && sh->workers_busy && now_ms() < end)
		usleep(10000);
}

/* With the administrator at rest, and at last with everybody at rest. */
static void check_strictly(struct view *v)
{
	struct problem list[PROBLEMS], now[PROBLEMS];
	int n = -1, m, i, round;

	sh->admin_pause = 1;
	wait_quiet(false);
	sleep_ms(grace);
	for (round = 0; round < 8 && n; round++) {
		if (round == 4) {
			sh->worker_pause = 1;
			wait_quiet(true);
			sleep_ms(grace);
		}
		if (!view_look(v)) {
			n = 0;
			break;
		}
		m = find_problems(v, now);
		if (n < 0) {
			n = m;
			memcpy(list, now, m * sizeof(now[0]));
		} else {
			n = keep_common(list, n, now, m);
		}
		if (n)
			sleep_ms(grace / 3);
	}
	for (i = 0; i < n; i++) {
		if (sh->violations[list[i].kind]++ < 5)
			note("%s: %s", violation[list[i].kind], list[i].text);
	}
	count(&sh->strict_looks);
	sh->worker_pause = 0;
	sh->admin_pause = 0;
}

static void checker_process(void)
{
	struct view v = {};
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rnd_seed(seed + 2000);
	rtnl_close();
	handle = NULL;
	while (!sh->stop) {
		for (i = 0; i < 8 && !sh->stop; i++) {
			if (view_look(&v))
				count(&sh->looks);
			sleep_ms(200);
		}
		if (!sh->stop)
			check_strictly(&v);
	}
	_exit(0);
}

/* The end */

static pid_t start(void (*process)(int), int n)
{
	pid_t pid = fork();

	if (pid < 0)
		bail("fork");
	if (pid == 0)
		process(n);
	return pid;
}

static void admin_start(int n)
{
	admin_process();
}

static void checker_start(int n)
{
	checker_process();
}

/* Where in the kernel a process is that does not end */
static void note_stacks(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do sed \"s,^,# $t ,\" $t/stack; done",
		 pid);
	if (system(command))
		note("no stacks");
}

static int wait_ends(pid_t *pid, int n, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int left = n, i, status, bad = 0;
	pid_t got;

	while (left && now_ms() < end) {
		got = waitpid(-1, &status, WNOHANG);
		if (got <= 0) {
			usleep(20000);
			continue;
		}
		for (i = 0; i < n; i++)
			if (pid[i] == got) {
				left--;
				pid[i] = 0;
				if (status) {
					note("process %d: status %#x", i, status);
					bad++;
				}
			}
	}
	for (i = 0; i < n; i++)
		if (pid[i]) {
			note("process %d (%d) does not end", i, pid[i]);
			note_stacks(pid[i]);
			kill(pid[i], SIGKILL);
		}
	return left + bad;
}

static void report(unsigned int seconds)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < OPS; i++) {
		note("%-10s %8llu, %8llu failed", op_name[i],
		     (unsigned long long)sh->ops[i],
		     (unsigned long long)sh->failed[i]);
		total += sh->ops[i];
	}
	for (i = 0; i < ERRNOS; i++)
		if (sh->errnos[i])
			note("%s: %llu", strerror(i),
			     (unsigned long long)sh->errnos[i]);
	note("%llu operations, %llu a second; %llu of the administrator (%llu refused); %llu looks, %llu strict, at %llu sockets with leases; rmmod refused %llu, done %llu",
	     (unsigned long long)total, (unsigned long long)total / seconds,
	     (unsigned long long)sh->admin_ops,
	     (unsigned long long)sh->admin_failed,
	     (unsigned long long)sh->looks,
	     (unsigned long long)sh->strict_looks,
	     (unsigned long long)sh->holders,
	     (unsigned long long)sh->rmmod_refused,
	     (unsigned long long)sh->rmmod_done);
}

/* Which sockets of the namespace are there yet */
static void note_sockets(void)
{
	if (system("cd /proc/self/net; for f in protocols tcp tcp6 sctp/assocs; do sed \"s,^,# $f: ,\" $f; done"))
		note("no sockets to be seen");
}

static void check_end(void)
{
	struct view v = {};
	int i, ours = 0;

	handle = NULL;
	handle_renew();
	if (!handle)
		module_insert(), handle_renew();
	tap(handle && !pools_delete(handle), "every pool can be deleted");
	view_look(&v);
	tap(!v.n_leases, "no lease is left");
	for (i = 0; i < v.seen.n_addrs; i++)
		if (v.seen.addrs[i].proto == PLUMB_PROTO) {
			note("%s on %d", addr_name(&v.seen.addrs[i].addr),
			     v.seen.addrs[i].ifindex);
			ours++;
		}
	tap(!ours, "no address is left");
	for (i = 0; i < v.seen.n_routes; i++)
		note("%s/%d by %d", addr_name(&v.seen.routes[i].addr),
		     v.seen.routes[i].len, v.seen.routes[i].ifindex);
	tap(!v.seen.n_routes, "no route is left");
	if (handle)
		inet_tuple_handle_close(handle);
	i = module_remove_within(20000);
	if (!tap(!i, "the module unloads")) {
		note("%s, %ld references", strerror(-i),
		     get_number("/sys/module/inet_tuple/refcnt"));
		note_sockets();
	}
	tap(!module_insert(), "the module loads again");
}

int main(void)
{
	unsigned int seconds = seconds_of("STRESS_SECONDS", 20);
	pid_t pid[PROCESSES + 2];
	uint64_t begun;
	int i;

	printf("TAP version 13\n");
	seed = seed_of("STRESS_SEED");
	grace = 1500;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		bail("mmap");
	own_namespace();
	if (dummy_add("tp0") || dummy_add("tp1"))
		bail("devices");
	device_addresses();
	handle_renew();
	if (!handle)
		bail("handle");
	base_pools();
	rtnl_close();

	begun = now_ms();
	for (i = 0; i < PROCESSES; i++)
		pid[i] = start(worker_process, i);
	pid[i++] = start(admin_start, 0);
	pid[i++] = start(checker_start, 0);
	/* On a busy machine the first strict look may come late. */
	while (now_ms() < begun + seconds * 1000ull ||
	       (!sh->strict_looks && now_ms() < begun + seconds * 1000ull + 60000))
		sleep_ms(200);
	sh->stop = 1;
	tap(!wait_ends(pid, i, 60000), "every process ends");
	report(seconds);
	for (i = 0; i < VIOLATIONS; i++)
		tap(!sh->violations[i], "%s", violation[i]);
	if (!tap(!sh->bad_errno, "no error of the kernel's own comes out"))
		note("%s: %d", op_name[sh->bad_op], sh->bad_errno);
	if (!tap(!sh->rmmod_bad, "a module in use says so"))
		note("%s", strerror(-sh->rmmod_bad));
	check_end();
	return tap_end();
}
