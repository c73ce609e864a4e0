// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl addr: the addresses of pools that get them from a server. */
#include <errno.h>
#include <string.h>
#include "tuplectl.h"

#define EVER UINT32_MAX
#define ADDR_COLUMNS "%-15s %-15s %-11s %-12s"

struct show {
	bool json;
	bool begun;
	struct json j;
};

static void show_text(struct show *s, const struct inet_tuple_obj *obj)
{
	char text[ADDR_TEXT], state[WORD_TEXT], time[WORD_TEXT];
	uint64_t valid = obj_num(obj, INET_TUPLE_A_ADDR_VALID, EVER);
	struct inet_tuple_addr addr = { .family = 0 };
	uint64_t idle;

	if (!s->begun)
		printf(ADDR_COLUMNS " %s\n", "ADDRESS", "POOL", "STATE", "VALID",
		       "IDLE");
	s->begun = true;
	inet_tuple_obj_addr(obj, INET_TUPLE_A_ADDR_ADDR, &addr);
	printf(ADDR_COLUMNS, addr.family ? addr_text(&addr, text) : "-",
	       obj_str(obj, INET_TUPLE_A_ADDR_POOL),
	       state_text(obj_num(obj, INET_TUPLE_A_ADDR_STATE, ~0ULL), state),
	       valid == EVER ? "for ever" : time_text(1000 * valid, time));
	if (!inet_tuple_obj_num(obj, INET_TUPLE_A_ADDR_IDLE_MS, &idle))
		printf(" %s", time_text(idle, time));
	putchar('\n');
}

static void show_json(struct json *j, const struct inet_tuple_obj *obj)
{
	uint64_t valid = obj_num(obj, INET_TUPLE_A_ADDR_VALID, EVER);
	char state[WORD_TEXT];

	json_item(j);
	json_obj_addr(j, "address", obj, INET_TUPLE_A_ADDR_ADDR);
	json_obj_str(j, "pool", obj, INET_TUPLE_A_ADDR_POOL);
	json_str(j, "state",
		 state_text(obj_num(obj, INET_TUPLE_A_ADDR_STATE, ~0ULL), state));
	if (valid == EVER)
		json_null(j, "valid_s");
	else
		json_num(j, "valid_s", valid);
	json_obj_num(j, "idle_ms", obj, INET_TUPLE_A_ADDR_IDLE_MS);
	json_end(j, '}');
}

static int show_addr(const struct inet_tuple_obj *obj, void *arg)
{
	struct show *s = arg;

	if (s->json)
		show_json(&s->j, obj);
	else
		show_text(s, obj);
	return ferror(stdout) ? -EIO : 0;
}

static int addr_show(struct tuplectl *t, int argc, char **argv)
{
	struct show s = { .json = t->json, .j = { .f = stdout } };
	int status;
	int err;

	if (argc && strcmp(argv[0], "pool"))
		return wrong(t, "'%s' is not understood", argv[0]);
	if (argc == 1)
		return wrong(t, "'pool' needs a value");
	if (argc > 2)
		return wrong(t, "'%s' is not understood", argv[2]);
	status = need_handle(t);
	if (status != DONE)
		return status;

	err = inet_tuple_addr_list(t->h, argc ? argv[1] : NULL, show_addr, &s);
	if (t->json)
		json_list_end(&s.j, err);
	return err ? refused(t, err) : DONE;
}

const struct command addr_commands[] = {
	{ .name = "show", .alias = "list", .run = addr_show,
	  .usage = "addr show [pool NAME]\n" },
	{ .name = NULL },
};
