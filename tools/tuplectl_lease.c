// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl lease. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "tuplectl.h"

static const char *const state_words[] = {
	[INET_TUPLE_LEASE_PLUMBING]	= "plumbing",
	[INET_TUPLE_LEASE_ACTIVE]	= "active",
	[INET_TUPLE_LEASE_LINGERING]	= "lingering",
	[INET_TUPLE_LEASE_UNPLUMBING]	= "unplumbing",
	[INET_TUPLE_LEASE_QUARANTINE]	= "quarantine",
	[INET_TUPLE_LEASE_STOCK]	= "stock",
	[INET_TUPLE_LEASE_WARM]		= "warm",
};

static const char *const reason_words[] = {
	[INET_TUPLE_REASON_CLOSED]	= "closed",
	[INET_TUPLE_REASON_KILLED]	= "killed",
	[INET_TUPLE_REASON_WITHDRAWN]	= "withdrawn",
	[INET_TUPLE_REASON_EXPIRED]	= "expired",
	[INET_TUPLE_REASON_NO_AGENT]	= "no agent",
};

static const char *const lease_scopes[] = {
	[INET_TUPLE_SCOPE_SOCKET]	= "socket",
	[INET_TUPLE_SCOPE_PROCESS]	= "process",
	[INET_TUPLE_SCOPE_CGROUP]	= "cgroup",
	[INET_TUPLE_SCOPE_USER]		= "user",
	[INET_TUPLE_SCOPE_ID_KEY]	= "id",
};

/* TCP_* of the kernel, in the words of ss */
static const char *const tcp_words[] = {
	[1]	= "ESTAB",
	[2]	= "SYN-SENT",
	[3]	= "SYN-RECV",
	[4]	= "FIN-WAIT-1",
	[5]	= "FIN-WAIT-2",
	[6]	= "TIME-WAIT",
	[7]	= "UNCONN",
	[8]	= "CLOSE-WAIT",
	[9]	= "LAST-ACK",
	[10]	= "LISTEN",
	[11]	= "CLOSING",
	[12]	= "SYN-RECV",
};

/* An absent string reads as a dash */
const char *obj_str(const struct inet_tuple_obj *obj, int attr)
{
	const char *s = inet_tuple_obj_str(obj, attr);

	return s ? s : "-";
}

uint64_t obj_num(const struct inet_tuple_obj *obj, int attr, uint64_t absent)
{
	uint64_t num;

	return inet_tuple_obj_num(obj, attr, &num) ? absent : num;
}

/* Others chose the text: keep them from moving the cursor */
void print_text(FILE *f, const char *text)
{
	for (; *text; text++)
		putc(iscntrl((unsigned char)*text) ? '?' : *text, f);
}

static const char *obj_addr(const struct inet_tuple_obj *obj, int attr,
			    char *buf)
{
	struct inet_tuple_addr addr;

	if (inet_tuple_obj_addr(obj, attr, &addr))
		return NULL;
	return addr_text(&addr, buf);
}

/* @buf: WORD_TEXT bytes, as everywhere here */
const char *state_text(uint64_t state, char *buf)
{
	return word_or_num(state_words, ARRAY_SIZE(state_words), state, buf,
			   WORD_TEXT);
}

static const char *lease_state(const struct inet_tuple_obj *lease, char *buf)
{
	return state_text(obj_num(lease, INET_TUPLE_A_LEASE_STATE, ~0ULL), buf);
}

static const char *reason_text(const struct inet_tuple_obj *lease, char *buf)
{
	return word_or_num(reason_words, ARRAY_SIZE(reason_words),
			   obj_num(lease, INET_TUPLE_A_LEASE_REASON, ~0ULL),
			   buf, WORD_TEXT);
}

static const char *scope_text(const struct inet_tuple_obj *lease, char *buf)
{
	return word_or_num(lease_scopes, ARRAY_SIZE(lease_scopes),
			   obj_num(lease, INET_TUPLE_A_LEASE_SCOPE, ~0ULL),
			   buf, WORD_TEXT);
}

static const char *proto_text(const struct inet_tuple_obj *sock, char *buf)
{
	uint64_t proto = obj_num(sock, INET_TUPLE_A_SOCKET_PROTO, 0);

	if (obj_num(sock, INET_TUPLE_A_SOCKET_TYPE, 0) == SOCK_RAW)
		return "raw";
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_MPTCP:
		return "mptcp";
	}
	return word_or_num(NULL, 0, proto, buf, WORD_TEXT);
}

static const char *tcp_text(const struct inet_tuple_obj *sock, char *buf)
{
	return word_or_num(tcp_words, ARRAY_SIZE(tcp_words),
			   obj_num(sock, INET_TUPLE_A_SOCKET_STATE, 0), buf,
			   WORD_TEXT);
}

/* Two units are enough to tell how old something is. */
const char *time_text(uint64_t ms, char *buf)
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		snprintf(buf, WORD_TEXT, "%llu.%03us", s,
			 (unsigned int)(ms % 1000));
	else if (s < 3600)
		snprintf(buf, WORD_TEXT, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, WORD_TEXT, "%lluh%02llum", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, WORD_TEXT, "%llud%02lluh", s / 86400,
			 s / 3600 % 24);
	return buf;
}

static void print_time(const struct inet_tuple_obj *lease, const char *name,
		       int attr)
{
	char buf[WORD_TEXT];
	uint64_t ms;

	if (!inet_tuple_obj_num(lease, attr, &ms))
		printf(" %s %s", name, time_text(ms, buf));
}

/* Address, pool, state and who has it: what fits a line */
void lease_line(const struct inet_tuple_obj *lease)
{
	char buf[ADDR_TEXT], scope[WORD_TEXT];
	const char *addr;
	uint64_t num;

	addr = obj_addr(lease, INET_TUPLE_A_LEASE_ADDR, buf);
	printf("%s pool ", addr ? addr : "-");
	print_text(stdout, obj_str(lease, INET_TUPLE_A_LEASE_POOL));
	/* What could not be had is in no state */
	if (inet_tuple_obj_has(lease, INET_TUPLE_A_LEASE_STATE))
		printf(" state %s scope %s", lease_state(lease, buf),
		       scope_text(lease, scope));
	if (!inet_tuple_obj_num(lease, INET_TUPLE_A_LEASE_UID, &num))
		printf(" uid %llu", (unsigned long long)num);
	if (!inet_tuple_obj_num(lease, INET_TUPLE_A_LEASE_SOCKETS, &num))
		printf(" sockets %llu", (unsigned long long)num);
	print_time(lease, "age", INET_TUPLE_A_LEASE_AGE);
	print_time(lease, "left", INET_TUPLE_A_LEASE_LEFT);
	print_time(lease, "expiry", INET_TUPLE_A_LEASE_EXPIRY);
	if (!inet_tuple_obj_num(lease, INET_TUPLE_A_LEASE_ERROR, &num))
		printf(" error %s", strerror(num));
	if (inet_tuple_obj_has(lease, INET_TUPLE_A_LEASE_REASON))
		printf(" reason %s", reason_text(lease, buf));
}

struct show {
	bool json;
	bool begun;
	struct json j;
	struct owners owners;
	uint32_t uid;		/* whose name is @user; "": not asked yet */
	char user[LOGIN_NAME_MAX];
};

static void print_owners(struct owners *owners, uint64_t ino)
{
	const struct owner *o;
	size_t n, i;

	o = owners_find(owners, ino, &n);
	if (!n)
		return;
	printf(" users:(");
	for (i = 0; i < n; i++) {
		printf("%s(\"", i ? "," : "");
		print_text(stdout, o[i].command);
		printf("\",pid=%d,fd=%d)", o[i].pid, o[i].fd);
	}
	putchar(')');
}

/* ADDR:PORT, and an IPv6 address in brackets */
static const char *peer_text(const struct inet_tuple_obj *sock, char *buf,
			     size_t size)
{
	uint64_t port = obj_num(sock, INET_TUPLE_A_SOCKET_RPORT, 0);
	struct inet_tuple_addr addr;
	char text[ADDR_TEXT];
	bool six;

	if (inet_tuple_obj_addr(sock, INET_TUPLE_A_SOCKET_RADDR, &addr))
		return "-";
	six = addr.family == AF_INET6;
	addr_text(&addr, text);
	if (port)
		snprintf(buf, size, "%s%s%s:%u", six ? "[" : "", text,
			 six ? "]" : "", (unsigned int)port);
	else
		snprintf(buf, size, "%s", text);
	return buf;
}

/* The user's name, or the number where nobody has a name for it. Sockets of one
 * user often follow one another.
 */
static const char *user_text(struct show *s, uint32_t uid)
{
	const struct passwd *pw;

	if (*s->user && s->uid == uid)
		return s->user;
	s->uid = uid;
	pw = getpwuid(uid);
	if (pw && strlen(pw->pw_name) < sizeof(s->user))
		strcpy(s->user, pw->pw_name);
	else
		snprintf(s->user, sizeof(s->user), "%u", uid);
	return s->user;
}

static void socket_text(struct show *s, const struct inet_tuple_obj *sock)
{
	char proto[WORD_TEXT], state[WORD_TEXT], peer[ADDR_TEXT + 8];

	printf("    %-7s %-10s port %-5u peer %-21s user ",
	       proto_text(sock, proto), tcp_text(sock, state),
	       (unsigned int)obj_num(sock, INET_TUPLE_A_SOCKET_LPORT, 0),
	       peer_text(sock, peer, sizeof(peer)));
	print_text(stdout,
		   user_text(s, obj_num(sock, INET_TUPLE_A_SOCKET_UID, 0)));
	print_owners(&s->owners, obj_num(sock, INET_TUPLE_A_SOCKET_INO, 0));
	putchar('\n');
}

#define LEASE_COLUMNS "%-39s %-15s %-11s %-24s %-10s "

static void lease_row(const struct inet_tuple_obj *lease)
{
	char addr[ADDR_TEXT], state[WORD_TEXT], scope[WORD_TEXT];
	char age[WORD_TEXT], id[2 * WORD_TEXT];
	const char *text;
	uint64_t num;

	text = obj_addr(lease, INET_TUPLE_A_LEASE_ADDR, addr);
	num = obj_num(lease, INET_TUPLE_A_LEASE_SCOPE_ID, 0);
	if (num)
		snprintf(id, sizeof(id), "%s:%llu", scope_text(lease, scope),
			 (unsigned long long)num);
	else
		snprintf(id, sizeof(id), "%s", scope_text(lease, scope));
	printf(LEASE_COLUMNS "%7llu", text ? text : "-",
	       obj_str(lease, INET_TUPLE_A_LEASE_POOL),
	       lease_state(lease, state), id,
	       time_text(obj_num(lease, INET_TUPLE_A_LEASE_AGE, 0), age),
	       (unsigned long long)
	       obj_num(lease, INET_TUPLE_A_LEASE_SOCKETS, 0));
	print_time(lease, "left", INET_TUPLE_A_LEASE_LEFT);
	print_time(lease, "expiry", INET_TUPLE_A_LEASE_EXPIRY);
	putchar('\n');
}

static void show_text(struct show *s, const struct inet_tuple_obj *lease)
{
	const int attr = INET_TUPLE_A_LEASE_SOCKET;
	const struct inet_tuple_obj *sock;
	unsigned int i;

	if (!s->begun)
		printf(LEASE_COLUMNS "%7s\n", "ADDRESS", "POOL", "STATE",
		       "SCOPE", "AGE", "SOCKETS");
	s->begun = true;
	lease_row(lease);
	for (i = 0; (sock = inet_tuple_obj_nested(lease, attr, i)); i++)
		socket_text(s, sock);
}

static void owners_json(struct json *j, struct owners *owners, uint64_t ino)
{
	const struct owner *o;
	size_t n, i;

	o = owners_find(owners, ino, &n);
	json_begin(j, "owners", '[');
	for (i = 0; i < n; i++) {
		json_begin(j, NULL, '{');
		json_num(j, "pid", o[i].pid);
		json_num(j, "fd", o[i].fd);
		json_str(j, "command", o[i].command);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static const char *family_text(const struct inet_tuple_obj *sock)
{
	switch (obj_num(sock, INET_TUPLE_A_SOCKET_FAMILY, 0)) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	default:
		return NULL;
	}
}

static void socket_json(struct json *j, const struct inet_tuple_obj *sock,
			struct owners *owners)
{
	char buf[WORD_TEXT];

	json_begin(j, NULL, '{');
	json_str(j, "protocol", proto_text(sock, buf));
	json_str(j, "state", tcp_text(sock, buf));
	json_str(j, "family", family_text(sock));
	json_obj_num(j, "type", sock, INET_TUPLE_A_SOCKET_TYPE);
	json_obj_num(j, "protocol_number", sock, INET_TUPLE_A_SOCKET_PROTO);
	json_obj_num(j, "local_port", sock, INET_TUPLE_A_SOCKET_LPORT);
	json_obj_addr(j, "peer_address", sock, INET_TUPLE_A_SOCKET_RADDR);
	json_obj_num(j, "peer_port", sock, INET_TUPLE_A_SOCKET_RPORT);
	json_obj_num(j, "uid", sock, INET_TUPLE_A_SOCKET_UID);
	json_obj_num(j, "inode", sock, INET_TUPLE_A_SOCKET_INO);
	json_obj_num(j, "cookie", sock, INET_TUPLE_A_SOCKET_COOKIE);
	if (owners)
		owners_json(j, owners,
			    obj_num(sock, INET_TUPLE_A_SOCKET_INO, 0));
	json_end(j, '}');
}

/* The members of an object that the caller opened; @owners: NULL if nobody
 * wants to know the processes
 */
void lease_json(struct json *j, const struct inet_tuple_obj *lease,
		struct owners *owners)
{
	const int attr = INET_TUPLE_A_LEASE_SOCKET;
	const struct inet_tuple_obj *sock;
	char buf[WORD_TEXT];
	unsigned int i;

	json_obj_addr(j, "address", lease, INET_TUPLE_A_LEASE_ADDR);
	json_obj_str(j, "pool", lease, INET_TUPLE_A_LEASE_POOL);
	json_obj_num(j, "ifindex", lease, INET_TUPLE_A_LEASE_IFINDEX);
	json_str(j, "state", lease_state(lease, buf));
	json_str(j, "scope", scope_text(lease, buf));
	json_obj_num(j, "scope_id", lease, INET_TUPLE_A_LEASE_SCOPE_ID);
	json_obj_num(j, "uid", lease, INET_TUPLE_A_LEASE_UID);
	json_obj_num(j, "age_ms", lease, INET_TUPLE_A_LEASE_AGE);
	json_obj_num(j, "expiry_ms", lease, INET_TUPLE_A_LEASE_EXPIRY);
	json_obj_num(j, "left_ms", lease, INET_TUPLE_A_LEASE_LEFT);
	if (inet_tuple_obj_has(lease, INET_TUPLE_A_LEASE_ERROR))
		json_obj_num(j, "error", lease, INET_TUPLE_A_LEASE_ERROR);
	if (inet_tuple_obj_has(lease, INET_TUPLE_A_LEASE_REASON))
		json_str(j, "reason", reason_text(lease, buf));
	json_obj_num(j, "socket_count", lease, INET_TUPLE_A_LEASE_SOCKETS);
	json_begin(j, "sockets", '[');
	for (i = 0; (sock = inet_tuple_obj_nested(lease, attr, i)); i++)
		socket_json(j, sock, owners);
	json_end(j, ']');
}

static int show_lease(const struct inet_tuple_obj *lease, void *arg)
{
	struct show *s = arg;

	if (!s->json) {
		show_text(s, lease);
	} else {
		json_item(&s->j);
		lease_json(&s->j, lease, &s->owners);
		json_end(&s->j, '}');
	}
	return ferror(stdout) ? -EIO : 0;
}

static int show_leases(struct tuplectl *t, const char *pool,
		       const struct inet_tuple_addr *addr)
{
	struct show s = { .json = t->json, .j = { .f = stdout } };
	int status;
	int err;

	status = need_handle(t);
	if (status != DONE)
		return status;

	err = inet_tuple_lease_list(t->h, pool, addr, show_lease, &s);
	if (t->json)
		json_list_end(&s.j, err);
	owners_free(&s.owners);
	return err ? refused(t, err) : DONE;
}

static int lease_show(struct tuplectl *t, int argc, char **argv)
{
	struct inet_tuple_addr addr = { .family = 0 };
	const char *pool = NULL;
	int i;

	for (i = 0; i < argc; i += 2) {
		bool is_pool = !strcmp(argv[i], "pool");

		if (!is_pool && strcmp(argv[i], "address"))
			return wrong(t, "'%s' is not understood", argv[i]);
		if (i + 1 == argc)
			return wrong(t, "'%s' needs a value", argv[i]);
		if (is_pool ? !!pool : !!addr.family)
			return wrong(t, "'%s' is given twice", argv[i]);
		if (is_pool)
			pool = argv[i + 1];
		else if (parse_addr(argv[i + 1], &addr))
			return wrong(t, "address: '%s' is not an address",
				     argv[i + 1]);
	}
	return show_leases(t, pool, addr.family ? &addr : NULL);
}

/* The leases whose addresses are in a prefix */
struct within {
	struct inet_tuple_prefix prefix;
	struct inet_tuple_addr *addrs;
	size_t n;
	size_t size;
};

static bool prefix_has(const struct inet_tuple_prefix *p,
		       const struct inet_tuple_addr *addr)
{
	unsigned int bytes = p->len / 8, bits = p->len % 8;

	return addr->family == p->addr.family &&
	       !memcmp(addr->bytes, p->addr.bytes, bytes) &&
	       (!bits || (addr->bytes[bytes] ^ p->addr.bytes[bytes]) >>
				 (8 - bits) == 0);
}

static int collect(const struct inet_tuple_obj *lease, void *arg)
{
	struct inet_tuple_addr addr, *more;
	struct within *w = arg;
	size_t size;

	if (inet_tuple_obj_addr(lease, INET_TUPLE_A_LEASE_ADDR, &addr) ||
	    !prefix_has(&w->prefix, &addr))
		return 0;
	if (w->n == w->size) {
		size = w->size ? 2 * w->size : 64;
		more = reallocarray(w->addrs, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->addrs = more;
		w->size = size;
	}
	w->addrs[w->n++] = addr;
	return 0;
}

/* One that has ended meanwhile is as good as killed. */
static int kill_within(struct tuplectl *t, const struct inet_tuple_prefix *p)
{
	struct within w = { .prefix = *p };
	size_t i;
	int err;

	err = inet_tuple_lease_list(t->h, NULL, NULL, collect, &w);
	for (i = 0; !err && i < w.n; i++) {
		err = inet_tuple_lease_kill(t->h, &w.addrs[i]);
		if (err == -ENOENT)
			err = 0;
	}
	free(w.addrs);
	return err;
}

static int lease_kill(struct tuplectl *t, int argc, char **argv)
{
	struct inet_tuple_prefix prefix;
	int status;
	int err;

	if (!argc)
		return wrong(t, "the address is missing");
	if (argc > 1)
		return wrong(t, "'%s' is not understood", argv[1]);
	if (parse_prefix(argv[0], &prefix))
		return wrong(t, "'%s' is not an address or a prefix", argv[0]);

	status = need_handle(t);
	if (status != DONE)
		return status;
	if (strchr(argv[0], '/'))
		err = kill_within(t, &prefix);
	else
		err = inet_tuple_lease_kill(t->h, &prefix.addr);
	return err ? refused(t, err) : DONE;
}

const struct command lease_commands[] = {
	{ .name = "show", .alias = "list", .run = lease_show,
	  .usage = "lease show [pool NAME] [address A]\n" },
	{ .name = "kill", .run = lease_kill,
	  .usage = "lease kill ADDRESS|PREFIX\n" },
	{ .name = NULL },
};
