// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl monitor: events as they happen, a line each. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "tuplectl.h"

static const char *const event_words[] = {
	[INET_TUPLE_CMD_POOL_NEW_NTF]	= "pool_new",
	[INET_TUPLE_CMD_POOL_SET_NTF]	= "pool_set",
	[INET_TUPLE_CMD_POOL_DEL_NTF]	= "pool_del",
	[INET_TUPLE_CMD_LEASE_NEW_NTF]	= "lease_new",
	[INET_TUPLE_CMD_LEASE_DEL_NTF]	= "lease_del",
	[INET_TUPLE_CMD_LEASE_FREE_NTF]	= "lease_free",
	[INET_TUPLE_CMD_LEASE_FAIL_NTF]	= "lease_fail",
	[INET_TUPLE_CMD_RULE_NEW_NTF]	= "rule_new",
	[INET_TUPLE_CMD_RULE_DEL_NTF]	= "rule_del",
};

/* Local time for people, UTC for programs */
static const char *now(bool utc, char *buf, size_t size)
{
	struct timespec ts;
	char day[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (utc)
		gmtime_r(&ts.tv_sec, &tm);
	else
		localtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06ld%s", day, ts.tv_nsec / 1000,
		 utc ? "Z" : "");
	return buf;
}

/* @obj: NULL with an event that is about nothing */
static void event_json(const char *event, const struct inet_tuple_obj *obj)
{
	struct json j = { .f = stdout };
	char buf[64];

	json_begin(&j, NULL, '{');
	json_str(&j, "time", now(true, buf, sizeof(buf)));
	json_str(&j, "event", event);
	switch (obj ? inet_tuple_obj_kind(obj) : 0) {
	case INET_TUPLE_POOL_OBJ:
		pool_json(&j, obj);
		break;
	case INET_TUPLE_LEASE_OBJ:
		lease_json(&j, obj, NULL);
		break;
	case INET_TUPLE_RULE_OBJ:
		rule_json(&j, obj);
		break;
	default:
		break;
	}
	json_end(&j, '}');
}

static void event_text(const char *event, const struct inet_tuple_obj *obj)
{
	char buf[64];

	printf("%s ", now(false, buf, sizeof(buf)));
	for (; *event; event++)
		putchar(*event == '_' ? ' ' : *event);
	putchar(' ');
	switch (inet_tuple_obj_kind(obj)) {
	case INET_TUPLE_POOL_OBJ:
		pool_line(obj);
		break;
	case INET_TUPLE_LEASE_OBJ:
		lease_line(obj);
		break;
	default:
		rule_words(obj);
		break;
	}
	putchar('\n');
}

static int show_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	const struct tuplectl *t = arg;
	const char *word = event_words[event];

	if (t->json)
		event_json(word, obj);
	else
		event_text(word, obj);
	return fflush(stdout) ? -errno : 0;
}

static int report_loss(const struct tuplectl *t)
{
	char buf[64];

	if (t->json)
		event_json("lost", NULL);
	else
		printf("%s events were lost\n", now(false, buf, sizeof(buf)));
	complain(t, "events were lost");
	return fflush(stdout) ? -errno : 0;
}

/* Ends with a signal, or when nobody reads what it prints */
int monitor(struct tuplectl *t, int argc, char **argv)
{
	int status;
	int err;

	if (argc)
		return wrong(t, "'%s' is not understood", argv[0]);
	status = need_handle(t);
	if (status != DONE)
		return status;

	do {
		err = inet_tuple_events_read(t->h, show_event, t);
		if (err == -ENOBUFS)
			err = report_loss(t);
	} while (!err || err == -EINTR);
	return failed(t, err);
}
