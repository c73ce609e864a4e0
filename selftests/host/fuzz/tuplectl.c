// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer: a batch file for tuplectl, against a kernel that believes all it is
 * told. The first byte: whether to print JSON (1), to refuse everything (2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include "internal.h"
#include "kernel.h"
#include "tuplectl.h"

#define FAMILY 0x20
#define PACKETS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inet_tuple_obj *pool, *rule;
static struct itl_msg packets[PACKETS];
static int n_packets;
static bool refuse;
static uint32_t seq;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct nlmsghdr *reply(uint16_t type, uint16_t flags, size_t size)
{
	struct itl_msg *m = &packets[n_packets++];

	must(n_packets <= PACKETS && !itl_msg_alloc(m, size, type, flags, 1));
	m->nlh->nlmsg_seq = seq;
	return m->nlh;
}

static void reply_family(void)
{
	struct nlmsghdr *nlh = reply(GENL_ID_CTRL, 0, 64);
	struct nlattr *groups, *group;

	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, "events");
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, 9);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
}

static void reply_obj(const struct inet_tuple_obj *obj)
{
	if (!obj)
		return;
	reply(FAMILY, NLM_F_MULTI, itl_obj_wire_size(obj));
	must(!itl_msg_put_obj(&packets[n_packets - 1], obj));
}

static void reply_lease(void)
{
	static const uint8_t ip[16] = { 0xfd };
	struct nlmsghdr *nlh = reply(FAMILY, NLM_F_MULTI, 256);

	mnl_attr_put_strz(nlh, INET_TUPLE_A_LEASE_POOL, "a \"b\"");
	mnl_attr_put(nlh, INET_TUPLE_A_LEASE_ADDR, 16, ip);
	mnl_attr_put_u8(nlh, INET_TUPLE_A_LEASE_STATE, 77);
	mnl_attr_put_u8(nlh, INET_TUPLE_A_LEASE_SCOPE, 3);
	mnl_attr_put_u64(nlh, INET_TUPLE_A_LEASE_AGE, UINT64_MAX);
	mnl_attr_put_u64(nlh, INET_TUPLE_A_LEASE_LEFT, 1);
}

/* NLMSG_DONE begins with a number as NLMSG_ERROR does. */
static void reply_end(const struct nlmsghdr *req, int err)
{
	bool done = req->nlmsg_flags & NLM_F_DUMP && !err;
	struct nlmsghdr *nlh = reply(done ? NLMSG_DONE : NLMSG_ERROR,
				     NLM_F_CAPPED | NLM_F_ACK_TLVS, 128);
	struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	nlh->nlmsg_len = MNL_NLMSG_HDRLEN + (done ? sizeof(int) : sizeof(*e));
	memset(e, 0, sizeof(*e));
	e->error = err;
	if (done)
		return;
	e->msg = *req;
	if (!err)
		return;
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "no");
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, req->nlmsg_len / 2 & ~3);
}

/* It has to be a message that reads as what it was written from. */
static struct inet_tuple_obj *parse(const struct nlmsghdr *req, int cmd)
{
	enum inet_tuple_kind kind = INET_TUPLE_POOL_OBJ;
	struct inet_tuple_obj *obj;

	if (cmd >= INET_TUPLE_CMD_RULE_NEW)
		kind = INET_TUPLE_RULE_OBJ;
	else if (cmd >= INET_TUPLE_CMD_LEASE_GET)
		kind = INET_TUPLE_LEASE_OBJ;
	must(!itl_obj_parse(req, kind, &obj));
	return obj;
}

static void keep(struct inet_tuple_obj **kept, struct inet_tuple_obj *obj)
{
	inet_tuple_obj_free(*kept);
	*kept = obj ? inet_tuple_obj_ref(obj) : NULL;
}

static void serve(const struct nlmsghdr *req)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(req);
	struct inet_tuple_obj *obj;

	if (req->nlmsg_type == GENL_ID_CTRL) {
		reply_family();
		reply_end(req, 0);
		return;
	}
	obj = parse(req, genl->cmd);
	if (!refuse) {
		if (genl->cmd == INET_TUPLE_CMD_POOL_NEW)
			keep(&pool, obj);
		else if (genl->cmd == INET_TUPLE_CMD_RULE_NEW)
			keep(&rule, obj);
		else if (genl->cmd == INET_TUPLE_CMD_POOL_GET)
			reply_obj(pool);
		else if (genl->cmd == INET_TUPLE_CMD_RULE_GET)
			reply_obj(rule);
		else if (genl->cmd == INET_TUPLE_CMD_LEASE_GET)
			reply_lease();
	}
	reply_end(req, refuse ? -EINVAL : 0);
	inet_tuple_obj_free(obj);
}

int __wrap_socket(int domain, int type, int protocol)
{
	return memfd_create("socket", MFD_CLOEXEC);
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *val,
		      socklen_t len)
{
	return 0;
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
	const struct nlmsghdr *req = buf;

	must(mnl_nlmsg_ok(req, len) && req->nlmsg_len == len);
	while (n_packets)
		itl_msg_free(&packets[--n_packets]);
	seq = req->nlmsg_seq;
	serve(req);
	return len;
}

/* How long is the next one? 0, as of who hung up, where there is none. */
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	return n_packets ? packets[0].nlh->nlmsg_len : 0;
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t len, int flags,
			struct sockaddr *from, socklen_t *from_len)
{
	size_t n = packets[0].nlh->nlmsg_len;

	must(n_packets && n <= len);
	memcpy(buf, packets[0].nlh, n);
	itl_msg_free(&packets[0]);
	memmove(&packets[0], &packets[1], --n_packets * sizeof(packets[0]));
	return n;
}

/* A word that is printed for a batch file is that word when it is read. */
static void check_words(const char *text, size_t size)
{
	char *line = strndup(text, size), *out = NULL, *word;
	struct words words = { .v = NULL }, again = { .v = NULL };
	const char *what;
	size_t len;
	FILE *f;
	int i;

	line[strcspn(line, "\n")] = '\0';
	if (split_words(line, &words, &what))
		words.n = 0;
	for (i = 0; i < words.n; i++) {
		word = words.v[i];
		f = open_memstream(&out, &len);
		print_word(f, word);
		fclose(f);
		must(!split_words(out, &again, &what) && again.n == 1 &&
		     !strcmp(again.v[0], word));
		free(out);
	}
	free(words.v);
	free(again.v);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tuplectl t = { .force = true };
	static char path[64];
	static int fd = -1;

	if (!size)
		return 0;
	if (fd < 0) {
		fd = memfd_create("batch", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(!ftruncate(fd, 0));
	must(pwrite(fd, data + 1, size - 1, 0) == (ssize_t)size - 1);
	t.json = data[0] & 1;
	refuse = data[0] & 2;
	check_words((const char *)data + 1, size - 1);
	batch(&t, path);
	inet_tuple_handle_close(t.h);
	keep(&pool, NULL);
	keep(&rule, NULL);
	while (n_packets)
		itl_msg_free(&packets[--n_packets]);
	return 0;
}
