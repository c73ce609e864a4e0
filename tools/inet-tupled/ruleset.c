// SPDX-License-Identifier: GPL-2.0-only
/* The packet filter: commands to it, by libnftables, and the end of a table. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>	/* before linux/netfilter.h */
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <unistd.h>
#include "export.h"

#define NEWS_RCVBUF	(4 << 20)

static const struct {
	const char *word;
	uint8_t number;
} families[] = {
	{ "inet", NFPROTO_INET },
	{ "ip", NFPROTO_IPV4 },
	{ "ip6", NFPROTO_IPV6 },
	{ "bridge", NFPROTO_BRIDGE },
	{ "netdev", NFPROTO_NETDEV },
};

/* It becomes part of commands: nothing but a name may be in it. */
static bool is_name(const char *word)
{
	size_t len = strlen(word);
	size_t i;

	if (!len || len >= RULESET_NAMSIZ || !isalpha((unsigned char)*word))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && word[i] != '_')
			return false;
	return true;
}

/**
 * ruleset_parse - which table
 * @r: it goes in here
 * @word: [FAMILY:]TABLE
 *
 * Return: 0 or -EINVAL.
 */
int ruleset_parse(struct ruleset *r, const char *word)
{
	const char *colon = strchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : strlen("inet");
	const char *family = colon ? word : "inet";
	size_t i;

	word = colon ? colon + 1 : word;
	if (!is_name(word))
		return -EINVAL;
	strcpy(r->table, word);
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		if (strlen(families[i].word) != len ||
		    strncmp(families[i].word, family, len))
			continue;
		r->family = families[i].word;
		r->number = families[i].number;
		return 0;
	}
	return -EINVAL;
}

/* That a set or a map went: the attribute of its table is the table's own. */
static bool is_gone(const struct ruleset *r, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *nla;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE) &&
	    nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSET))
		return false;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    nfg->nfgen_family != r->number)
		return false;
	mnl_attr_for_each(nla, nlh, sizeof(*nfg))
		if (mnl_attr_get_type(nla) == NFTA_TABLE_NAME &&
		    mnl_attr_validate(nla, MNL_TYPE_NUL_STRING) >= 0 &&
		    !strcmp(mnl_attr_get_str(nla), r->table))
			return true;
	return false;
}

/* @own: what was lost, if anything was, is news of what we did ourselves. */
static void news_read(struct ruleset *r, bool own)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *nlh;
	bool gone = false;
	ssize_t got;
	int len;

	while ((got = recv(r->news.fd, buf, sizeof(buf), 0)) >= 0 ||
	       errno == ENOBUFS) {
		gone = gone || (got < 0 && !own);
		len = got < 0 ? 0 : got;
		nlh = (const struct nlmsghdr *)buf;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			gone = gone || is_gone(r, nlh);
	}
	if (gone)
		r->gone(r);
}

static void news_ready(struct source *src)
{
	news_read((struct ruleset *)((char *)src -
				     offsetof(struct ruleset, news)), false);
}

static int news_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES;
	int size = NEWS_RCVBUF;
	int err, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!bind(fd, (struct sockaddr *)&nl, sizeof(nl)) &&
	    !setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			sizeof(group)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int ruleset_open(struct ruleset *r, struct tupled *t)
{
	int fd = news_open();

	if (fd < 0)
		return fd;
	r->news = (struct source){ fd, news_ready };
	r->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!r->ctx)
		return -ENOMEM;
	nft_ctx_buffer_error(r->ctx);
	return watch(t, &r->news);
}

/**
 * ruleset_run - change the packet filter, all at once or not at all
 * @r: the table
 * @commands: as nft(8) has them, one a line
 *
 * @r->gone() may be called before it returns.
 *
 * Return: 0; -EIO: it is not changed, and the log has the reason.
 */
int ruleset_run(struct ruleset *r, const char *commands)
{
	const char *text;
	int err;

	err = nft_run_cmd_from_buffer(r->ctx, commands);
	news_read(r, true);
	if (!err)
		return 0;
	text = nft_ctx_get_error_buffer(r->ctx);
	say("%s table %s: %.*s", r->family, r->table,
	    (int)strcspn(text, "\n"), text);
	return -EIO;
}

void ruleset_close(struct ruleset *r)
{
	if (r->ctx)
		nft_ctx_free(r->ctx);
	if (r->news.fd >= 0)
		close(r->news.fd);
}
