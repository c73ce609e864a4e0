/* SPDX-License-Identifier: GPL-2.0-only */
/* tuplerun: what the command, its supervisor and the preloaded library share. */
#ifndef _TUPLERUN_H
#define _TUPLERUN_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/inet_tuple.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses, as env(1) and nohup(1) have them */
#define FAILED		125	/* tuplerun itself */
#define NOT_EXECUTABLE	126
#define NOT_FOUND	127

/* What the command tells the library by the environment. The families are
 * numbers, or one of two words.
 */
#define ENV_POOL	"TUPLERUN_POOL"
#define ENV_SCOPE_ID	"TUPLERUN_SCOPE_ID"
#define ENV_MPTCP	"TUPLERUN_MPTCP"
#define ENV_INET	"TUPLERUN_INET"
#define ENV_INET6	"TUPLERUN_INET6"
#define WORD_PLAIN	"plain"
#define WORD_NONE	"none"

/* In place of a family */
#define FAMILY_PLAIN	0	/* sockets are ordinary ones */
#define FAMILY_NONE	(-1)	/* there are none: EAFNOSUPPORT */

/**
 * struct tuplerun_conf - how sockets are made
 * @family: what stands for AF_INET and AF_INET6
 * @pool: the pool to lease from; "": the kernel's choice
 * @scope_id: INET_TUPLE_SCOPE_ID of every socket; 0: each has its own address
 * @mptcp: MPTCP in place of TCP
 */
struct tuplerun_conf {
	int family[2];
	char pool[INET_TUPLE_NAMSIZ];
	uint64_t scope_id;
	bool mptcp;
};

enum tuplerun_way { WAY_CHOSEN, WAY_PRELOAD, WAY_SECCOMP };

struct tuplerun {
	struct tuplerun_conf conf;
	enum tuplerun_way way;	/* WAY_CHOSEN: by the look of the command */
	bool fallback;
	bool shared;		/* --scope process */
	char **argv;		/* the command */
};

/* tuplerun_args.c: -1 to go on, or an exit status */
int tuplerun_args(struct tuplerun *t, int argc, char **argv);
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* tuplerun_pool.c: ask the module; 0, or complain and return FAILED */
int tuplerun_ask(struct tuplerun *t);

/* tuplerun_file.c */
char *tuplerun_find(const char *name);
const char *tuplerun_why_seccomp(const char *path);

/* tuplerun_socket.c */
typedef int tuplerun_make(int domain, int type, int protocol);
bool tuplerun_wants(int domain, int type, int protocol);
int tuplerun_socket(const struct tuplerun_conf *conf, tuplerun_make *make,
		    int domain, int type, int protocol);
int tuplerun_no_pool(const struct tuplerun_conf *conf, int err);

/* tuplerun_filter.c */
struct seccomp_notif;
int tuplerun_filter(void);
bool tuplerun_decode(const struct seccomp_notif *req, int *args);

/* tuplerun_notify.c */
int tuplerun_notify_init(const struct tuplerun_conf *conf, int listener);
bool tuplerun_notify(void);

/* tuplerun_supervisor.c: 0, or complain and return FAILED */
int tuplerun_supervise(const struct tuplerun *t, bool filter);

#endif /* _TUPLERUN_H */
