/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the edits of the container engines. The first line has letters (see below), then
 * come the file and, behind a line "%%", another file of the host.
 */
#include "base/str.h"
#include "fuzz.h"
#include "runtimes/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct runtime runtime_docker, runtime_containerd, runtime_crio;

#define must(good, what)                                                                           \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "does not hold: %s\n", what);                              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void hash(const void *bytes, size_t len, char *ret)
{
	unsigned long long h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
	snprintf(ret, 65, "%016llx%zx", h, len);
}

static const struct runtime *read_letters(struct piece letters, struct runtime_ask *ask)
{
	const struct runtime *r = &runtime_docker;

	ask->version = "26.1.5";
	for (size_t i = 0; i < letters.len; i++) {
		char c = letters.at[i];

		if (c == '1' || c == '2' || c == '3') {
			r = &runtime_containerd;
			ask->version = c == '1' ? "1.7.24" : c == '2' ? "2.2.7" : "2.3.4";
		}
		if (c == 'c')
			r = &runtime_crio;
		ask->set_default |= c == 'd';
		ask->cdi |= c == 'i';
		ask->replace |= c == 'r';
		ask->remove |= c == 'x';
	}
	return r;
}

/* The other file: ours, or one beside it. */
static const char *other_path(const struct runtime *r, struct piece letters)
{
	bool ours = letters.len && memchr(letters.at, 'u', letters.len);

	if (r == &runtime_crio)
		return ours ? "/etc/crio/crio.conf.d/99-gpuprov-nvidia.conf" :
			      "/etc/crio/crio.conf.d/10-crio.conf";
	return ours ? "/etc/containerd/conf.d/99-gpuprov-nvidia.toml" :
		      "/etc/containerd/conf.d/k8s.toml";
}

static struct runtime_file *file_of(struct arena *a, struct runtime_ask *ask, const char *path)
{
	struct runtime_file *file;

	if (str_eq(ask->file.path, path))
		return &ask->file;
	for (size_t i = 0; i < ask->others.n; i++)
		if (str_eq(ask->others.at[i].path, path))
			return &ask->others.at[i];
	file = list_push(a, &ask->others);
	file->path = path;
	return file;
}

static void check_undo(struct arena *a, const struct runtime *r, const struct runtime_ask *before,
		       struct runtime_ask *after)
{
	struct runtime_answer back = { 0 };

	after->remove = true;
	r->edit(after, a, &back);
	must(!back.refusals.n, "undo is refused");
	list_each (&back.writes, w) {
		const struct runtime_file *was =
			file_of(a, (struct runtime_ask *)(size_t)before, w->path);

		must(!w->text == !was->text && w->len == was->len &&
			     (!w->text || memcmp(w->text, was->text, w->len) == 0),
		     "undo does not give the bytes back");
	}
}

static void check(struct arena *a, const struct runtime *r, const struct runtime_ask *before)
{
	struct runtime_answer answer = { 0 }, second = { 0 };
	struct runtime_ask after = *before;

	r->edit(before, a, &answer);
	must(!answer.refusals.n || !answer.writes.n, "refused, and a write");
	list_each (&answer.refusals, refusal)
		must(refusal->issue.kind != EDIT_INTERNAL && refusal->path, refusal->issue.text);
	if (!answer.writes.n)
		return;
	after.others.n = after.others.cap = 0;
	list_each (&before->others, file)
		list_add(a, &after.others, *file);
	list_each (&answer.writes, w) {
		struct runtime_file *file = file_of(a, &after, w->path);

		file->text = w->text;
		file->len = w->len;
		if (!before->remove)
			list_add(a, &file->records, w->record);
	}
	r->edit(&after, a, &second);
	must(!second.refusals.n, "refused the second time");
	must(!second.writes.n, "a second run changes something");
	if (!before->remove)
		check_undo(a, r, before, &after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = { .name = "nvidia",
				   .binary = "/usr/bin/nvidia-container-runtime",
				   .hash = hash };
	struct piece rest = { (const char *)data, size }, letters;
	const struct runtime *r;
	const char *cut;

	if (!str_line(&rest, &letters))
		return 0;
	r = read_letters(letters, &ask);
	cut = rest.len ? memmem(rest.at, rest.len, "%%\n", 3) : NULL;
	ask.file = (struct runtime_file){ .path = r->file, .text = rest.at, .len = rest.len };
	if (cut) {
		struct runtime_file *other = list_push(&a, &ask.others);

		ask.file.len = (size_t)(cut - rest.at);
		other->path = other_path(r, letters);
		other->text = cut + 3;
		other->len = rest.len - ask.file.len - 3;
	}
	check(&a, r, &ask);
	return 0;
}
