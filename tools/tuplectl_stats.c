// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl stats: what pools have been through, for people and for programs. */
#include <string.h>
#include "tuplectl.h"

#define ALL_ONES	(~0ULL)

static uint64_t count(const struct inet_tuple_obj *pool, int attr)
{
	return obj_num(pool, attr, 0);
}

/* Of the leases that ended, in milliseconds; 0 where none has */
static uint64_t mean_held(const struct inet_tuple_obj *pool)
{
	uint64_t ended = count(pool, INET_TUPLE_A_POOL_ENDED);

	return ended ? count(pool, INET_TUPLE_A_POOL_HELD) / ended : 0;
}

/* Return: the name of the @i-th errno, or NULL behind the last */
static const char *failure(const struct inet_tuple_obj *pool, unsigned int i,
			   uint64_t *n)
{
	const struct inet_tuple_obj *failed;
	const char *name;

	failed = inet_tuple_obj_nested(pool, INET_TUPLE_A_POOL_FAILED, i);
	if (!failed)
		return NULL;
	*n = obj_num(failed, INET_TUPLE_A_FAILED_COUNT, 0);
	name = strerrorname_np(obj_num(failed, INET_TUPLE_A_FAILED_ERRNO, 0));
	return name && strcmp(name, "0") ? name : "other";
}

/* Text and JSON */

static int stats_text(const struct inet_tuple_obj *pool, void *arg)
{
	uint64_t mean = mean_held(pool), n;
	const char *name;
	unsigned int i;

	(void)arg;
	pool_line(pool);
	printf("\n    free %llu peak %llu assigned %llu ended %llu held %llu.%03llus\n",
	       (unsigned long long)count(pool, INET_TUPLE_A_POOL_FREE),
	       (unsigned long long)count(pool, INET_TUPLE_A_POOL_PEAK),
	       (unsigned long long)count(pool, INET_TUPLE_A_POOL_ASSIGNED),
	       (unsigned long long)count(pool, INET_TUPLE_A_POOL_ENDED),
	       (unsigned long long)mean / 1000, (unsigned long long)mean % 1000);
	for (i = 0; (name = failure(pool, i, &n)); i++)
		printf("%s %s %llu", i ? "" : "    failed", name,
		       (unsigned long long)n);
	if (i)
		putchar('\n');
	return 0;
}

static int stats_json(const struct inet_tuple_obj *pool, void *arg)
{
	struct json *j = arg;
	const char *name;
	unsigned int i;
	uint64_t n;

	json_item(j);
	json_obj_str(j, "name", pool, INET_TUPLE_A_POOL_NAME);
	json_obj_str(j, "dev", pool, INET_TUPLE_A_POOL_DEV);
	json_obj_num(j, "total", pool, INET_TUPLE_A_POOL_TOTAL);
	json_obj_num(j, "in_use", pool, INET_TUPLE_A_POOL_IN_USE);
	json_obj_num(j, "quarantined", pool, INET_TUPLE_A_POOL_QUARANTINED);
	json_obj_num(j, "free", pool, INET_TUPLE_A_POOL_FREE);
	json_obj_num(j, "peak", pool, INET_TUPLE_A_POOL_PEAK);
	json_obj_num(j, "assigned", pool, INET_TUPLE_A_POOL_ASSIGNED);
	json_obj_num(j, "ended", pool, INET_TUPLE_A_POOL_ENDED);
	json_num(j, "held_mean_ms", mean_held(pool));
	json_begin(j, "failed", '{');
	for (i = 0; (name = failure(pool, i, &n)); i++)
		json_num(j, name, n);
	json_end(j, '}');
	json_end(j, '}');
	return 0;
}

/* The text format of Prometheus, for node_exporter's textfile collector. It
 * wants a metric's values side by side, so all pools are gathered first.
 */

static const struct metric {
	const char *name;
	const char *type;
	const char *help;
	int attr;
	bool ms;	/* to be told in seconds */
} metrics[] = {
	{ "addresses", "gauge", "Addresses of the pool.",
	  INET_TUPLE_A_POOL_TOTAL, false },
	{ "in_use", "gauge", "Addresses that sockets hold.",
	  INET_TUPLE_A_POOL_IN_USE, false },
	{ "quarantined", "gauge", "Addresses that rest between two leases.",
	  INET_TUPLE_A_POOL_QUARANTINED, false },
	{ "free", "gauge", "Addresses that may be leased now.",
	  INET_TUPLE_A_POOL_FREE, false },
	{ "in_use_peak", "gauge", "The most addresses that sockets ever held at once.",
	  INET_TUPLE_A_POOL_PEAK, false },
	{ "assigned_total", "counter", "Leases so far.",
	  INET_TUPLE_A_POOL_ASSIGNED, false },
	{ "ended_total", "counter", "Leases that their last socket has left.",
	  INET_TUPLE_A_POOL_ENDED, false },
	{ "held_seconds_total", "counter", "Time for which sockets held the leases that ended.",
	  INET_TUPLE_A_POOL_HELD, true },
};

static void label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; value && *value; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

static void sample(const char *metric, const struct inet_tuple_obj *pool,
		   const char *errname)
{
	printf("inet_tuple_pool_%s{", metric);
	label("pool", obj_str(pool, INET_TUPLE_A_POOL_NAME));
	putchar(',');
	label("dev", obj_str(pool, INET_TUPLE_A_POOL_DEV));
	if (errname) {
		putchar(',');
		label("errno", errname);
	}
	printf("} ");
}

static void metric_head(const char *name, const char *type, const char *text)
{
	printf("# HELP inet_tuple_pool_%s %s\n# TYPE inet_tuple_pool_%s %s\n",
	       name, text, name, type);
}

static void prometheus(const struct pools *pools)
{
	const struct metric *m;
	const char *name;
	unsigned int k;
	uint64_t n;
	size_t i;

	for (m = metrics; m < metrics + ARRAY_SIZE(metrics); m++) {
		metric_head(m->name, m->type, m->help);
		for (i = 0; i < pools->n; i++) {
			n = count(pools->v[i], m->attr);
			sample(m->name, pools->v[i], NULL);
			if (m->ms)
				printf("%llu.%03llu\n",
				       (unsigned long long)n / 1000,
				       (unsigned long long)n % 1000);
			else if (n == ALL_ONES)
				puts("+Inf");
			else
				printf("%llu\n", (unsigned long long)n);
		}
	}
	metric_head("failed_total", "counter", "Leases that were not to be had.");
	for (i = 0; i < pools->n; i++)
		for (k = 0; (name = failure(pools->v[i], k, &n)); k++) {
			sample("failed_total", pools->v[i], name);
			printf("%llu\n", (unsigned long long)n);
		}
}

/* All pools, or the one of that name */
static int for_pools(struct tuplectl *t, const char *name, inet_tuple_cb cb,
		     void *arg)
{
	struct inet_tuple_obj *pool;
	int err;

	if (!name)
		return inet_tuple_pool_list(t->h, cb, arg);
	err = inet_tuple_pool_get(t->h, name, &pool);
	if (err)
		return err;
	err = cb(pool, arg);
	inet_tuple_obj_free(pool);
	return err;
}

int stats(struct tuplectl *t, int argc, char **argv)
{
	struct json j = { .f = stdout };
	struct pools pools = { .n = 0 };
	const char *name = NULL;
	bool metrics_wanted = false;
	int status, err, i;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--prometheus"))
			metrics_wanted = true;
		else if (!name && *argv[i] != '-')
			name = argv[i];
		else
			return wrong(t, "'%s' is not understood", argv[i]);
	}
	if (metrics_wanted && t->json)
		return wrong(t, "JSON and Prometheus at once");
	status = need_handle(t);
	if (status != DONE)
		return status;

	if (metrics_wanted) {
		err = for_pools(t, name, pools_add, &pools);
		if (!err)
			prometheus(&pools);
		pools_free(&pools);
	} else if (t->json) {
		err = for_pools(t, name, stats_json, &j);
		json_list_end(&j, err);
	} else {
		err = for_pools(t, name, stats_text, NULL);
	}
	return err ? refused(t, err) : DONE;
}
