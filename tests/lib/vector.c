/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the cases of tests/vectors. */
#include "vector.h"

#include "base/str.h"
#include "sys/hash.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct runtime runtime_docker, runtime_containerd, runtime_crio;

static const struct runtime *const runtimes[] = { &runtime_docker, &runtime_containerd,
						  &runtime_crio };

static void broken(const char *folder, const char *why)
{
	fprintf(stderr, "%s: %s\n", folder, why);
	abort();
}

void vector_list(struct arena *a, const char *top, strs *ret)
{
	struct dirent **names;
	int n = scandir(top, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *folder = arena_printf(a, "%s/%s", top, names[i]->d_name);
		size_t len;

		if (*names[i]->d_name != '.' && vector_file(a, folder, "case.json", &len))
			list_add(a, ret, folder);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

const char *vector_file(struct arena *a, const char *folder, const char *name, size_t *ret_len)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", folder, name), "rb");
	auto_buf struct buf b = BUF_TEXT;
	char some[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(some, 1, sizeof(some), f)) > 0)
		buf_add(&b, some, n);
	fclose(f);
	*ret_len = b.len;
	return arena_strn(a, buf_str(&b), b.len);
}

const char *vector_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void read_others(struct arena *a, struct vector *v)
{
	const json_t *list = json_object_get(v->json, "others");
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		struct runtime_file *file = list_push(a, &v->ask.others);

		file->path = vector_str(one, "path");
		file->text = vector_file(a, v->folder, vector_str(one, "file"), &file->len);
		if (!file->text)
			broken(v->folder, "a file of others is missing");
	}
}

static void read_operation(struct arena *a, struct vector *v)
{
	const json_t *op = json_object_get(v->json, "operation"), *args, *binary, *cgroup;
	size_t i;
	json_t *one;

	v->ask.name = vector_str(json_object_get(op, "runtime"), "name");
	v->ask.binary = vector_str(json_object_get(op, "runtime"), "path");
	v->ask.set_default = json_is_true(json_object_get(op, "set_default"));
	v->ask.cdi = json_is_true(json_object_get(op, "enable_cdi"));
	v->ask.replace = json_is_true(json_object_get(op, "replace"));
	v->ask.remove = json_is_true(json_object_get(op, "remove"));
	binary = json_object_get(op, "runtime_binary_exists");
	v->ask.binary_missing = json_is_false(binary);
	cgroup = json_object_get(op, "systemd_cgroup");
	if (cgroup)
		v->ask.systemd_cgroup = json_is_true(cgroup) ? TRI_YES : TRI_NO;
	args = json_object_get(op, "args");
	json_array_foreach(args, i, one) list_add(a, &v->ask.args, json_string_value(one));
}

struct vector vector_load(struct arena *a, const char *folder)
{
	struct vector v = { .folder = folder };
	size_t len;
	const char *text = vector_file(a, folder, "case.json", &len), *input;
	json_error_t e;

	v.json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!v.json)
		broken(folder, e.text);
	v.id = vector_str(v.json, "id");
	v.title = vector_str(v.json, "title");
	v.engine = vector_str(v.json, "engine");
	for (size_t i = 0; i < 3; i++)
		if (str_eq(runtimes[i]->name, v.engine))
			v.runtime = runtimes[i];
	if (!v.runtime)
		broken(folder, "unknown engine");
	v.ask.version = vector_str(v.json, "engine_version");
	v.ask.hash = hash_bytes;
	v.ask.file.path = v.runtime->file;
	input = vector_str(v.json, "input");
	if (input) {
		v.ask.file.text = vector_file(a, folder, input, &v.ask.file.len);
		if (!v.ask.file.text)
			broken(folder, "the input is missing");
	}
	read_others(a, &v);
	read_operation(a, &v);
	return v;
}

/* ---- meaning ---- */

/* Of duplicate keys the last one counts, for dockerd and for the case. */
static const struct tree *last_of(const struct tree *t, const char *key, size_t *ret_n)
{
	const struct tree *found = NULL;

	list_each (&t->members, m) {
		if (!piece_eq(m->key, key))
			continue;
		found = m->value;
		++*ret_n;
	}
	return found;
}

static bool means_object(const struct tree *t, const json_t *wanted)
{
	size_t n = 0;
	const char *key;
	json_t *one;

	if (t->type != TREE_TABLE)
		return false;
	json_object_foreach ((json_t *)(size_t)wanted, key, one) {
		const struct tree *found = last_of(t, key, &n);

		if (!found || !vector_means(found, one))
			return false;
	}
	return n == t->members.n;
}

static bool means_array(const struct tree *t, const json_t *wanted)
{
	if (t->type != TREE_ARRAY || t->members.n != json_array_size(wanted))
		return false;
	for (size_t i = 0; i < t->members.n; i++)
		if (!vector_means(t->members.at[i].value, json_array_get(wanted, i)))
			return false;
	return true;
}

bool vector_means(const struct tree *t, const json_t *wanted)
{
	const char *lexeme = json_is_object(wanted) ? vector_str(wanted, "$number") : NULL;
	const char *s;

	if (lexeme)
		return (t->type == TREE_INT || t->type == TREE_FLOAT) && piece_eq(t->raw, lexeme);
	switch (json_typeof(wanted)) {
	case JSON_OBJECT:
		return means_object(t, wanted);
	case JSON_ARRAY:
		return means_array(t, wanted);
	case JSON_STRING:
		s = json_string_value(wanted);
		return t->type == TREE_STRING && t->text.len == json_string_length(wanted) &&
		       memcmp(t->text.at, s, t->text.len) == 0;
	case JSON_INTEGER:
		return t->type == TREE_INT &&
		       strtoll(t->text.at, NULL, 10) == json_integer_value(wanted);
	case JSON_REAL:
		return t->type == TREE_FLOAT && strtod(t->text.at, NULL) == json_real_value(wanted);
	case JSON_TRUE:
	case JSON_FALSE:
		return tree_is_bool(t, json_is_true(wanted));
	case JSON_NULL:
		return t->type == TREE_NULL;
	}
	return false;
}
