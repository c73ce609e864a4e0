// SPDX-License-Identifier: GPL-2.0-only
/* Batch files: a command a line, words quoted as a shell would have it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tuplectl.h"

static int add_word(struct words *w, char *word)
{
	char **more;
	int size;

	/* There is always room for the NULL at the end. */
	if (w->n + 1 >= w->size) {
		size = w->size ? 2 * w->size : 32;
		more = reallocarray(w->v, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->v = more;
		w->size = size;
	}
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
	return 0;
}

/* Take the quotes out of the word at *@from, and leave that behind the word */
static int unquote(char **from, const char **what)
{
	char *in = *from, *out = *from;
	char quote = '\0';

	for (; *in && (quote || !isspace((unsigned char)*in)); in++) {
		if (*in == quote)
			quote = '\0';
		else if (!quote && (*in == '"' || *in == '\''))
			quote = *in;
		else if (*in == '\\' && quote != '\'' && in[1])
			*out++ = *++in;
		else
			*out++ = *in;
	}
	if (quote) {
		*what = quote == '"' ? "\"" : "'";
		return -EINVAL;
	}
	*from = *in ? in + 1 : in;
	*out = '\0';
	return 0;
}

/* Split a line in place. A word that begins with # begins a comment.
 * Return: 0; -EINVAL and the quote that is not closed in @what; -ENOMEM.
 */
int split_words(char *line, struct words *words, const char **what)
{
	char *word;
	int err;

	words->n = 0;
	for (;;) {
		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			return 0;
		word = line;
		err = unquote(&line, what);
		if (!err)
			err = add_word(words, word);
		if (err)
			return err;
	}
}

/* Quote a word where split_words() would not give it back as it is */
void print_word(FILE *f, const char *word)
{
	const char *c = word;

	while (isalnum((unsigned char)*c) || (*c && strchr("_./:@%+,=-", *c)))
		c++;
	if (c > word && !*c) {
		fputs(word, f);
		return;
	}

	putc('"', f);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			putc('\\', f);
		putc(*word, f);
	}
	putc('"', f);
}

struct reader {
	FILE *f;
	char *line;		/* with what continues it */
	size_t len;
	size_t size;
	char *next;		/* one line of the file */
	size_t next_size;
	unsigned int lines;	/* read so far */
};

static int append(struct reader *r, size_t len)
{
	size_t size = r->len + len + 1;
	char *more;

	if (size > r->size) {
		more = realloc(r->line, 2 * size);
		if (!more)
			return -ENOMEM;
		r->line = more;
		r->size = 2 * size;
	}
	memcpy(r->line + r->len, r->next, len);
	r->len += len;
	r->line[r->len] = '\0';
	return 0;
}

/* Whether a comment begins in a line, as split_words() sees it */
static bool has_comment(const char *c)
{
	bool in_word = false;
	char quote = '\0';

	for (; *c; c++) {
		if (!quote && isspace((unsigned char)*c)) {
			in_word = false;
			continue;
		}
		if (*c == '#' && !in_word)
			return true;
		in_word = true;
		if (*c == quote)
			quote = '\0';
		else if (!quote && (*c == '"' || *c == '\''))
			quote = *c;
		else if (*c == '\\' && quote != '\'' && c[1])
			c++;
	}
	return false;
}

/* A line, and those that follow it as long as they end in a backslash that is
 * not one of a comment.
 * Return: 1; 0 at the end of the file; -errno.
 */
static int read_line(struct reader *r, unsigned int *number)
{
	ssize_t len;
	bool more;

	*number = r->lines + 1;
	r->len = 0;
	while ((len = getline(&r->next, &r->next_size, r->f)) >= 0) {
		r->lines++;
		if (len && r->next[len - 1] == '\n')
			len--;
		more = len && r->next[len - 1] == '\\';
		if (more)
			r->next[len - 1] = ' ';
		if (append(r, len))
			return -ENOMEM;
		if (!more || has_comment(r->line))
			return 1;
	}
	if (ferror(r->f))
		return -EIO;
	return r->len > 0;
}

static int run_line(struct tuplectl *t, struct reader *r, struct words *words)
{
	const char *what = NULL;
	int err;

	t->cmd = NULL;
	/* What a crash leaves of a file is often zeros. */
	if (strlen(r->line) < r->len)
		return wrong(t, "there is a NUL byte");
	err = split_words(r->line, words, &what);
	if (err == -EINVAL)
		return wrong(t, "the quote %s is not closed", what);
	if (err)
		return failed(t, err);
	return words->n ? run_words(t, words->n, words->v) : DONE;
}

static int run_file(struct tuplectl *t, struct reader *r)
{
	struct words words = { .v = NULL };
	int status = DONE;
	int got;

	while ((got = read_line(r, &t->line)) > 0) {
		if (run_line(t, r, &words) == DONE)
			continue;
		status = REFUSED;
		if (!t->force)
			break;
	}
	if (got < 0)
		status = failed(t, got);
	free(words.v);
	return status;
}

/* Run the commands of a file, - being the standard input. The first that fails
 * ends it, unless t->force; either way the status is REFUSED then.
 */
int batch(struct tuplectl *t, const char *file)
{
	bool in = !strcmp(file, "-");
	struct reader r = { .f = in ? stdin : fopen(file, "re") };
	int status;

	if (!r.f) {
		complain(t, "%s: %s", file, strerror(errno));
		return REFUSED;
	}

	t->file = file;
	status = run_file(t, &r);
	t->file = NULL;

	if (!in)
		fclose(r.f);
	free(r.line);
	free(r.next);
	return status;
}
