// SPDX-License-Identifier: GPL-2.0-only
/* inet-tupled: the agent that gets addresses for pools of source dhcp, and tells
 * the packet filter, and others, of leases.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "export.h"
#include "tupled.h"

#define STATE_DIR	"/var/lib/inet-tupled"
#define HOOKS_DIR	"/etc/inet_tuple/hooks.d"
#define PROBE_MS	1000
#define IDLE_MS		60000

/* Since the machine's start, suspended or not: nobody can set this clock. */
uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

int watch(struct tupled *t, struct source *src)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = src };

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, src->fd, &event) < 0 ?
	       -errno : 0;
}

/* Systemd, if it is that which started us, is told that sockets may wait now. */
static void notify(const char *what)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (!path || strlen(path) >= sizeof(un.sun_path))
		return;
	strcpy(un.sun_path, path);
	if (*path == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, what, strlen(what), MSG_NOSIGNAL,
		   (struct sockaddr *)&un,
		   offsetof(struct sockaddr_un, sun_path) + strlen(path)) < 0)
		say("%s: %s", path, strerror(errno));
	close(fd);
}

static void signals_ready(struct source *src)
{
	struct tupled *t = (struct tupled *)((char *)src -
					     offsetof(struct tupled, signals));
	struct signalfd_siginfo info;

	if (read(src->fd, &info, sizeof(info)) == sizeof(info))
		t->stop = info.ssi_signo;
}

static void timer_ready(struct source *src)
{
	uint64_t times;

	if (read(src->fd, &times, sizeof(times)) < 0)
		say_more("timer: %s", strerror(errno));
}

static void set_timer(struct tupled *t)
{
	uint64_t pools = pools_deadline(t);
	uint64_t export = export_deadline(t);
	uint64_t ms = pools < export ? pools : export;
	struct itimerspec at = {
		.it_value.tv_sec = ms / 1000,
		.it_value.tv_nsec = ms % 1000 * 1000000,
	};

	if (!ms)
		at.it_value.tv_nsec = 1;	/* 0 is for none */
	timerfd_settime(t->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static int open_sources(struct tupled *t)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->signals = (struct source){
		signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), signals_ready
	};
	t->timer = (struct source){
		timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
		timer_ready
	};
	if (t->epoll < 0 || t->signals.fd < 0 || t->timer.fd < 0)
		return -errno;
	err = watch(t, &t->signals);
	return err ? err : watch(t, &t->timer);
}

/* One event at a time: it may be the end of what another one is about. */
static void run(struct tupled *t)
{
	struct epoll_event event;
	struct source *src;

	while (!t->stop) {
		t->now = clock_ms();
		pools_timers(t);
		pools_flush(t);
		export_run(t);
		set_timer(t);
		if (t->stop || epoll_wait(t->epoll, &event, 1, -1) != 1)
			continue;
		t->now = clock_ms();
		src = event.data.ptr;
		src->ready(src);
	}
}

/* What was asked for */
struct options {
	const char *state;
	const char *table;
	const char *hooks;
};

/* What the kernel or the system says to our start */
static int start(struct tupled *t, const struct options *o)
{
	const char *dir = o->state;
	int err;

	err = state_lock(&t->state, dir);
	if (err == -EWOULDBLOCK) {
		say("another inet-tupled is running, with %s", dir);
		return err;
	}
	if (!err)
		err = state_read(&t->state, t->now);
	if (err) {
		say("%s: %s", dir, strerror(-err));
		return err;
	}
	t->orphans = t->state.data;
	t->state.data.leases = NULL;
	state_clear(&t->state.data);

	err = open_sources(t);
	if (!err)
		err = local_open();
	if (err < 0) {
		say("%s", strerror(-err));
		return err;
	}
	t->local = err;
	err = kernel_open(t);
	if (err == -EAFNOSUPPORT)
		say("the module inet_tuple is not loaded");
	else if (err)
		say("cannot become the agent: %s", strerror(-err));
	return err ? err : export_open(t, o->table, o->hooks);
}

static void print_usage(FILE *f)
{
	fputs("usage: inet-tupled [OPTION]...\n"
	      "Gets addresses by DHCP for the pools of source dhcp, and tells the packet\n"
	      "filter and programs which addresses of any pool are leased.\n\n"
	      "  -s, --state DIR      where the leases are kept, " STATE_DIR "\n"
	      "  -i, --idle SECONDS   keep an address above the high mark, 60\n"
	      "  -p, --probe MS       for a new address's probe, 1000; 0: none\n"
	      "  -b, --broadcast      have servers broadcast their answers\n"
	      "  -e, --export TABLE   have maps of all leases in this table of nftables,\n"
	      "                       as NAME or FAMILY:NAME\n"
	      "  -k, --hooks DIR      programs that are told, " HOOKS_DIR "\n"
	      "  -v, --verbose        tell of each message\n"
	      "  -h, --help           this\n"
	      "  -V, --version        which version\n", f);
}

/* No more than a day's milliseconds */
static uint32_t parse_number(const char *word, uint32_t unit)
{
	unsigned long num;
	char *end;

	errno = 0;
	num = strtoul(word, &end, 10);
	if (errno || *word < '0' || *word > '9' || *end ||
	    num > 86400000 / unit) {
		say("'%s' is no such number", word);
		exit(2);
	}
	return num * unit;
}

static const char *parse_table(const char *word)
{
	struct ruleset r;

	if (ruleset_parse(&r, word)) {
		say("'%s' is no table", word);
		exit(2);
	}
	return word;
}

static struct options options(struct tupled *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "state", required_argument, NULL, 's' },
		{ "idle", required_argument, NULL, 'i' },
		{ "probe", required_argument, NULL, 'p' },
		{ "broadcast", no_argument, NULL, 'b' },
		{ "export", required_argument, NULL, 'e' },
		{ "hooks", required_argument, NULL, 'k' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { getenv("STATE_DIRECTORY"), NULL, HOOKS_DIR };
	int c;

	while ((c = getopt_long(argc, argv, "s:i:p:be:k:vhV", longs, NULL)) >= 0) {
		switch (c) {
		case 's':
			o.state = optarg;
			break;
		case 'i':
			t->idle_ms = parse_number(optarg, 1000);
			break;
		case 'p':
			t->probe_ms = parse_number(optarg, 1);
			break;
		case 'b':
			t->broadcast = true;
			break;
		case 'e':
			o.table = parse_table(optarg);
			break;
		case 'k':
			o.hooks = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		case 'V':
			puts("inet-tupled " VERSION);
			exit(0);
		default:
			print_usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		print_usage(stderr);
		exit(2);
	}
	if (!o.state)
		o.state = STATE_DIR;
	return o;
}

int main(int argc, char **argv)
{
	struct tupled t = {
		.probe_ms = PROBE_MS,
		.idle_ms = IDLE_MS,
		.now = clock_ms(),
		.iaid = 1,
	};
	struct options o = options(&t, argc, argv);

	TAILQ_INIT(&t.pools);
	LIST_INIT(&t.links);
	if (start(&t, &o))
		return 1;
	notify("READY=1");
	run(&t);
	notify("STOPPING=1");
	pools_end(&t, t.stop == SIGINT);
	export_end(&t, t.stop != SIGTERM);
	inet_tuple_handle_close(t.h);
	state_clear(&t.state.data);
	state_clear(&t.orphans);
	return t.stop < 0;
}
