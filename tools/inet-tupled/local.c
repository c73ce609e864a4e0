// SPDX-License-Identifier: GPL-2.0-only
/* Whether an address is on the host now: then the kernel answers ARP for it. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <unistd.h>
#include "tupled.h"

int local_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&nl, sizeof(nl)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/**
 * local_has - whether an address is the host's
 * @fd: what local_open() returned
 * @addr: the address
 */
bool local_has(int fd, in_addr_t addr)
{
	static unsigned int seq;
	char buf[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	ssize_t len;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++seq;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	mnl_attr_put_u32(nlh, RTA_DST, addr);
	if (send(fd, nlh, nlh->nlmsg_len, 0) < 0)
		return false;
	do {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < (ssize_t)sizeof(*nlh))
			return false;
	} while (nlh->nlmsg_seq != seq);
	rtm = mnl_nlmsg_get_payload(nlh);
	return nlh->nlmsg_type == RTM_NEWROUTE &&
	       len >= (ssize_t)(sizeof(*nlh) + sizeof(*rtm)) &&
	       rtm->rtm_type == RTN_LOCAL;
}
