// SPDX-License-Identifier: GPL-2.0-only
/* Taking from a sock its connection, whatever its protocol. */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/sctp.h>
#include <net/addrconf.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/mptcp.h>
#include <net/udp.h>
#include "compat.h"
#include "ops.h"
#include "sock.h"

/* Without these, disconnecting leaves neither address nor port. */
static void tuple_sock_unlock_bind(struct sock *sk)
{
	lock_sock(sk);
	sk->sk_userlocks &= ~(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK);
	release_sock(sk);
}

/* Its next send, connect or bind is a first one again. */
static void tuple_sock_reset_ops(struct sock *sk)
{
	const struct proto_ops *ops, *unbound;
	struct tuple_sock *ts;

	rcu_read_lock();
	write_lock_bh(&sk->sk_callback_lock);
	/* With its struct socket, a sock has not been through release(), and
	 * what is kept for it is. Not where something else, like TLS, has put
	 * its own ops.
	 */
	ts = sk->sk_socket ? tuple_sock_find(sk) : NULL;
	if (ts) {
		ops = READ_ONCE(sk->sk_socket->ops);
		unbound = READ_ONCE(ts->unbound);
		if (ops->release == unbound->release)
			cmpxchg(&sk->sk_socket->ops, ops, unbound);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	rcu_read_unlock();
}

/* What makes a sock's socket stay open, or NULL: it is being closed. */
static struct file *tuple_sock_file(struct sock *sk)
{
	struct file *file = NULL;

	rcu_read_lock();
	read_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_socket && sk->sk_socket->file)
		file = tuple_get_file(sk->sk_socket->file);
	read_unlock_bh(&sk->sk_callback_lock);
	rcu_read_unlock();
	return file;
}

/* A listener goes on listening, at an address that may be another's, until told not
 * to. Associations are aborted by a message, all but those that wait for accept().
 * The endpoint is there as long as the socket is open; afterwards they end in SCTP's
 * own time.
 */
void tuple_sock_abort_sctp(struct sock *sk)
{
	union {
		struct cmsghdr cmsg;
		u8 buf[CMSG_SPACE(sizeof(struct sctp_sndrcvinfo))];
	} control = {};
	struct sctp_sndrcvinfo *info = CMSG_DATA(&control.cmsg);
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	struct file *file = tuple_sock_file(sk);
	struct tuple_sock *ts;

	if (!file)
		return;
	ts = tuple_sock_find(sk);
	if (ts)
		tuple_ops_base(ts)->listen(sock_from_file(file), 0);
	control.cmsg.cmsg_len = CMSG_LEN(sizeof(*info));
	control.cmsg.cmsg_level = IPPROTO_SCTP;
	control.cmsg.cmsg_type = SCTP_SNDRCV;
	info->sinfo_flags = SCTP_ABORT;
	if (sk->sk_type == SOCK_SEQPACKET)
		info->sinfo_flags |= SCTP_SENDALL;
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, NULL, 0, 0);
	sk->sk_prot->sendmsg(sk, &msg, 0);
	fput(file);
}

/* A connection of MPTCP's at the address of @arg. These are socks of their own,
 * which its sock keeps where only MPTCP finds them.
 */
static bool tuple_sock_is_subflow(struct sock *sk, void *arg)
{
	return sk_fullsock(sk) && sk->sk_protocol == IPPROTO_TCP &&
	       sk_is_mptcp(sk) && inet_rcv_saddr_equal(arg, sk, false);
}

/* MPTCP that was closed goes with the last of its connections, or else stays
 * for a minute.
 */
static void tuple_sock_abort_subflows(struct sock *sk, int err)
{
	unsigned int bucket = 0;
	struct sock *ssk;

	while ((ssk = tuple_sock_next_tcp(sock_net(sk), &bucket,
					  tuple_sock_is_subflow, sk))) {
		if (!ssk->sk_prot->diag_destroy ||
		    ssk->sk_prot->diag_destroy(ssk, err))
			bucket++;	/* where it stays */
		sock_put(ssk);
	}
}

/* What listened has lost its port, and getsockname() is not to tell of it. */
static void tuple_sock_forget_port(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	lock_sock(sk);
	if (!inet->inet_num && !inet->inet_dport)
		inet->inet_sport = 0;
	release_sock(sk);
}

void tuple_sock_abort(struct sock *sk, int err)
{
	bool orphan;

	tuple_sock_reset_ops(sk);
	tuple_sock_unlock_bind(sk);
	/* It has no diag_destroy(), and a disconnect() that takes the lock. */
	if (sk->sk_protocol == IPPROTO_UDPLITE && sk->sk_type == SOCK_DGRAM) {
		udp_abort(sk, err);
		return;
	}
	if (sk->sk_prot->diag_destroy &&
	    sk->sk_prot->diag_destroy(sk, err) != -ENOENT) {
		tuple_sock_forget_port(sk);
		return;
	}

	/* Unconnected TCP, and protocols that cannot be aborted from outside */
	if (sk->sk_protocol == IPPROTO_SCTP && sk->sk_type != SOCK_RAW)
		tuple_sock_abort_sctp(sk);
	lock_sock(sk);
	orphan = sock_flag(sk, SOCK_DEAD);
	if (!orphan) {
		if (sk->sk_protocol == IPPROTO_TCP &&
		    sk->sk_type == SOCK_STREAM &&
		    inet_csk(sk)->icsk_bind_hash) {
			inet_put_port(sk);
			inet_sk(sk)->inet_sport = 0;	/* for getsockname() */
		}
		if (sk->sk_prot->disconnect)
			sk->sk_prot->disconnect(sk, O_NONBLOCK);
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
	release_sock(sk);
	if (orphan && sk->sk_protocol == IPPROTO_MPTCP)
		tuple_sock_abort_subflows(sk, err);
}
