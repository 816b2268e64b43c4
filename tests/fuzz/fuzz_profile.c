/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a profile, and behind a line of "=====" the file that it extends. Whatever comes in
 * is taken, or refused with complaints at places that are there, in text fit for a terminal.
 */
#include "base/json.h"
#include "base/str.h"
#include "fuzz.h"
#include "profile/profile.h"
#include "profile/schema.h"
#include "render/render.h"

#include <stdlib.h>
#include <string.h>

struct input {
	const char *top, *base;
	size_t top_len, base_len;
};

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct input split(const uint8_t *data, size_t size)
{
	static const char mark[] = "\n=====\n";
	const char *text = (const char *)data;
	const char *at = size ? memmem(text, size, mark, sizeof(mark) - 1) : NULL;
	struct input in = { .top = size ? text : "", .base = "", .top_len = size };

	if (at) {
		in.top_len = (size_t)(at - text) + 1;
		in.base = at + sizeof(mark) - 1;
		in.base_len = size - (size_t)(in.base - text);
	}
	return in;
}

static int read_base(void *ctx, const char *path, struct buf *ret, struct err *e)
{
	const struct input *in = ctx;

	if (!in->base_len)
		return err_set(e, GP_NO_FILE, "'%s' is not there", path);
	buf_add(ret, in->base, in->base_len);
	return 0;
}

static void check_place(const struct profile *p, const struct span *at)
{
	const struct profile_text *t = &p->text;

	if (!at->line)
		return;
	while (t && !str_eq(t->file, at->file))
		t = t->base;
	MUST(at->col && at->width);
	MUST(t && at->off <= t->len && at->len <= t->len - at->off);
}

static void check_text(const struct buf *b)
{
	size_t bad;

	MUST(utf8_valid(buf_str(b), b->len, &bad));
	for (size_t i = 0; i < b->len; i++)
		MUST((unsigned char)b->data[i] >= 0x20 || b->data[i] == '\n');
}

/* Making three texts of it takes longer than all the rest, so that is done for some. */
static void check_complaints(const struct profile *p, const struct diags *diags, bool rendered)
{
	static const struct style style = { .width = 80, .ascii = true };
	auto_buf struct buf text = BUF_TEXT, json = BUF_TEXT, sarif = BUF_TEXT;

	MUST(diags->list.n <= PROFILE_MAX_ERRORS);
	list_each (&diags->list, d) {
		MUST(!str_empty(d->what) && d->at.file && d->ways.n);
		check_place(p, &d->at);
		check_place(p, &d->also);
	}
	if (!rendered)
		return;
	render_diags(diags, &p->text, &style, &text);
	render_diags_json(diags, &json);
	render_sarif(diags, &sarif);
	check_text(&text);
	check_text(&json);
	check_text(&sarif);
}

/* What was taken can be asked for everything the table knows. */
static void check_values(const struct profile *p)
{
	for (const struct schema_row *row = schema_table; row->path; row++) {
		const char *text = profile_get(p, row->path);
		struct span at = profile_at(p, row->path);

		MUST(!text || strlen(text) <= PROFILE_MAX_SCALAR);
		check_place(p, &at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = split(data, size);
	struct profile_door door = { read_base, &in };
	auto_arena struct arena a = { 0 };
	struct diags diags = { .a = &a };
	struct profile p;
	int rc = profile_load("p.yaml", in.top, in.top_len, &door, &a, &p, &diags);

	MUST((rc == 0) == (diag_count(&diags, SEV_ERROR) == 0));
	check_complaints(&p, &diags, size % 8 == 0);
	if (!rc)
		check_values(&p);
	return 0;
}
