/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: every lease's assignment, release and return, and what could
 * not be put on a device.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM inet_tuple

#if !defined(_TUPLE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TUPLE_TRACE_H

#include <linux/tracepoint.h>
#include "compat.h"
#include "lease.h"
#include "net.h"

DECLARE_EVENT_CLASS(tuple_lease,
	TP_PROTO(const struct tuple_lease *lease),
	TP_ARGS(lease),
	TP_STRUCT__entry(
		__string(pool, lease->pool->name)
		__field(unsigned int, netns)
		__array(u8, addr, 16)
		__field(u8, state)
		__field(u8, scope)
		__field(u32, sockets)
		__field(bool, connected)
	),
	TP_fast_assign(
		tuple_assign_str(pool, lease->pool->name);
		__entry->netns = lease->pool->tn->net->ns.inum;
		memcpy(__entry->addr, &lease->addr, 16);
		__entry->state = lease->state;
		__entry->scope = lease->key.scope;
		__entry->sockets = lease->n_socks;
		__entry->connected = lease->connected;
	),
	TP_printk("netns=%u pool=%s addr=%pI6c state=%u scope=%u sockets=%u connected=%d",
		  __entry->netns, __get_str(pool), __entry->addr,
		  __entry->state, __entry->scope, __entry->sockets,
		  __entry->connected)
);

/* A socket got a lease that was not held before */
DEFINE_EVENT(tuple_lease, tuple_lease_assign,
	TP_PROTO(const struct tuple_lease *lease),
	TP_ARGS(lease)
);

/* The last socket is gone; the state is what comes next, when LINGERING */
DEFINE_EVENT(tuple_lease, tuple_lease_release,
	TP_PROTO(const struct tuple_lease *lease),
	TP_ARGS(lease)
);

/* Back in the pool, after quarantine if there was one */
DEFINE_EVENT(tuple_lease, tuple_lease_free,
	TP_PROTO(const struct tuple_lease *lease),
	TP_ARGS(lease)
);

TRACE_EVENT(tuple_plumb_fail,
	TP_PROTO(const struct tuple_lease *lease, int err),
	TP_ARGS(lease, err),
	TP_STRUCT__entry(
		__string(pool, lease->pool->name)
		__field(unsigned int, netns)
		__array(u8, addr, 16)
		__field(int, err)
	),
	TP_fast_assign(
		tuple_assign_str(pool, lease->pool->name);
		__entry->netns = lease->pool->tn->net->ns.inum;
		memcpy(__entry->addr, &lease->addr, 16);
		__entry->err = err;
	),
	TP_printk("netns=%u pool=%s addr=%pI6c err=%d",
		  __entry->netns, __get_str(pool), __entry->addr,
		  __entry->err)
);

#endif /* _TUPLE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
