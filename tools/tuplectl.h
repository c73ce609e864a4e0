/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of tuplectl say to one another. */
#ifndef _TUPLECTL_H
#define _TUPLECTL_H

#include <stdbool.h>
#include <stdio.h>
#include <libinettuple.h>

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses */
enum {
	DONE = 0,
	REFUSED = 1,	/* by the kernel, or the module is not there */
	WRONG = 2,	/* usage */
};

struct command;

/**
 * struct tuplectl - a run of the program
 * @json: print JSON
 * @force: in a batch, go on after an error
 * @replace: what is to be added may be there already
 * @netns: network namespace to talk about, or NULL
 * @h: the connection, once a command needs it
 * @cmd: the command that runs, for its usage
 * @file: batch file, or NULL
 * @line: line in it
 */
struct tuplectl {
	bool json;
	bool force;
	bool replace;
	const char *netns;
	struct inet_tuple_handle *h;
	const struct command *cmd;
	const char *file;
	unsigned int line;
};

/**
 * struct command - what stands after the object
 * @name: its name; any beginning of it will do
 * @alias: another name, or NULL
 * @usage: what may follow it, for help
 * @run: do it, and return an exit status; @argv: the words that follow
 * @attr_name: how the grammar calls an attribute that the kernel blames
 */
struct command {
	const char *name;
	const char *alias;
	const char *usage;
	int (*run)(struct tuplectl *t, int argc, char **argv);
	const char *(*attr_name)(int attr);
};

/* tuplectl.c */
void __printf(2, 3) complain(const struct tuplectl *t, const char *fmt, ...);
int __printf(2, 3) wrong(const struct tuplectl *t, const char *fmt, ...);
int refused(const struct tuplectl *t, int err);
int refused_obj(const struct tuplectl *t, int err,
		const struct inet_tuple_obj *obj);
int failed(const struct tuplectl *t, int err);
int need_handle(struct tuplectl *t);
int run_words(struct tuplectl *t, int argc, char **argv);

/* The commands of each object, show first, ended by a nameless one */
extern const struct command pool_commands[];
extern const struct command lease_commands[];
extern const struct command addr_commands[];
extern const struct command rule_commands[];
int monitor(struct tuplectl *t, int argc, char **argv);
int stats(struct tuplectl *t, int argc, char **argv);
int save(struct tuplectl *t, int argc, char **argv);

/* tuplectl_batch.c */
struct words {
	char **v;
	int n;
	int size;
};

int batch(struct tuplectl *t, const char *file);
int split_words(char *line, struct words *words, const char **what);
void print_word(FILE *f, const char *word);

/* tuplectl_parse.c: 0 or -EINVAL */
int parse_num(const char *word, uint64_t max, uint64_t *num);
int parse_addr(const char *word, struct inet_tuple_addr *addr);
int parse_prefix(const char *word, struct inet_tuple_prefix *prefix);
int parse_range(const char *word, struct inet_tuple_prefix *range);
int parse_users(const char *word, struct inet_tuple_users *users);
int parse_uid(const char *word, uint64_t *uid);
int parse_gid(const char *word, uint64_t *gid);

#define ADDR_TEXT	48
#define PREFIX_TEXT	(2 * ADDR_TEXT)

const char *addr_text(const struct inet_tuple_addr *addr, char *buf);
const char *prefix_text(const struct inet_tuple_prefix *p, char *buf);
const char *range_text(const struct inet_tuple_prefix *p, char *buf);
const char *word_or_num(const char *const *words, size_t n, uint64_t num,
			char *buf, size_t size);

/* tuplectl_keys.c: the settings of a pool */
struct key {
	const char *name;
	int attr;
	const char *const *words;	/* an enum: the words by value */
	const char *special;		/* a word for one value, which is */
	uint64_t special_num;
	uint64_t max;			/* of the numbers that may be given */
	uint64_t def;			/* what a pool has that was not told */
	bool context;			/* the default depends on others */
	bool hex;
	bool dscp;			/* names of code points are known */
};

#define KEY_TEXT	32

extern const struct key keys[];
extern const size_t n_keys;

extern const char *const scope_words[];

const struct key *key_find(const char *name);
const char *key_name(int attr);
int key_parse(const struct key *key, const char *word, uint64_t *num);
void key_choices(const struct key *key, char *buf, size_t size);
const char *key_text(const struct key *key, uint64_t num, char *buf);

/* tuplectl_json.c */
struct json {
	FILE *f;
	int depth;
	bool more[8];	/* something stands before, at each depth */
};

void json_begin(struct json *j, const char *key, char bracket);
void json_end(struct json *j, char bracket);
void json_item(struct json *j);
void json_list_end(struct json *j, int err);
void json_str(struct json *j, const char *key, const char *val);
void json_num(struct json *j, const char *key, uint64_t val);
void json_bool(struct json *j, const char *key, bool val);
void json_null(struct json *j, const char *key);
void json_obj_num(struct json *j, const char *key,
		  const struct inet_tuple_obj *obj, int attr);
void json_obj_str(struct json *j, const char *key,
		  const struct inet_tuple_obj *obj, int attr);
void json_obj_addr(struct json *j, const char *key,
		   const struct inet_tuple_obj *obj, int attr);

/* tuplectl_owners.c: which processes have a socket open */
struct owner {
	uint64_t ino;
	int pid;
	int fd;
	char command[16];
};

struct owners {
	struct owner *v;
	size_t n;
	size_t size;
	bool read;
};

const struct owner *owners_find(struct owners *o, uint64_t ino, size_t *n);
void owners_free(struct owners *o);

/* Objects as text and as the members of a JSON object */
#define WORD_TEXT	24

const char *state_text(uint64_t state, char *buf);
const char *time_text(uint64_t ms, char *buf);
const char *obj_str(const struct inet_tuple_obj *obj, int attr);
uint64_t obj_num(const struct inet_tuple_obj *obj, int attr, uint64_t absent);
void print_text(FILE *f, const char *text);

/* Pools that are kept; pools_add() is the callback of a list */
struct pools {
	const struct inet_tuple_obj **v;
	size_t n;
};

int pools_add(const struct inet_tuple_obj *pool, void *arg);
void pools_free(struct pools *pools);

void pool_line(const struct inet_tuple_obj *pool);
void pool_json(struct json *j, const struct inet_tuple_obj *pool);
void lease_line(const struct inet_tuple_obj *lease);
void lease_json(struct json *j, const struct inet_tuple_obj *lease,
		struct owners *owners);
void rule_words(const struct inet_tuple_obj *rule);
void rule_json(struct json *j, const struct inet_tuple_obj *rule);

#endif /* _TUPLECTL_H */
