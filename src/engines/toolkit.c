/* SPDX-License-Identifier: Apache-2.0 */
/* The container toolkit on a host: its settings, and the CDI specifications it makes. */
#include "engines/toolkit.h"

#include "base/str.h"

#include <string.h>

/* ---- settings ---- */

enum { DEEPEST = 8 };

/* "a.b = true": the path, and the value. A value is true, false, or a string in quotes. */
static const struct tree *read_setting(const char *text, struct arena *a, const char **path)
{
	const char *equals = strstr(text, " = "), *value = equals ? equals + 3 : "";
	struct piece rest = { text, equals ? (size_t)(equals - text) : 0 };
	size_t n = 0, len = strlen(value);

	while (rest.len && n < DEEPEST) {
		const char *dot = memchr(rest.at, '.', rest.len);
		size_t head = dot ? (size_t)(dot - rest.at) : rest.len;

		path[n++] = arena_strn(a, rest.at, head);
		rest.at += head + (dot != NULL);
		rest.len -= head + (dot != NULL);
	}
	path[n] = NULL;
	if (str_eq(value, "true") || str_eq(value, "false"))
		return tree_bool(a, str_eq(value, "true"));
	return tree_str(a, len > 1 ? arena_strn(a, value + 1, len - 2) : "");
}

struct edit *toolkit_edit(const struct plan_step *s, const char *text, size_t len, struct arena *a)
{
	struct edit *ed = edit_open(a, EDIT_TOML, text, len);

	list_each (&s->args, arg) {
		bool leave = str_eq(arg->key, "leave");
		const char *path[DEEPEST + 1];
		const struct tree *value;

		if (!leave && !str_eq(arg->key, "set"))
			continue;
		value = read_setting(arg->value, a, path);
		if (!leave || edit_at(ed, path))
			edit_set(ed, path, value, EDIT_REPLACE);
	}
	return ed;
}

bool toolkit_says(const struct plan_step *s, const char *text, size_t len, struct arena *a)
{
	auto_edit struct edit *ed = toolkit_edit(s, text, len, a);

	return !edit_refused(ed) && !edit_changed(ed);
}

/* ---- CDI ---- */

/* The value of "KEY: value" or "- KEY: value", without quotes; empty = another line. */
static struct piece value_of(struct piece line, const char *key)
{
	struct piece p = str_trim(line);

	if (piece_starts(p, "- "))
		p = str_trim((struct piece){ p.at + 2, p.len - 2 });
	/* In JSON the key has quotes, and the value a comma after it. */
	if (p.len && *p.at == '"')
		p = (struct piece){ p.at + 1, p.len - 1 };
	if (!piece_starts(p, key))
		return (struct piece){ "", 0 };
	p = (struct piece){ p.at + strlen(key), p.len - strlen(key) };
	if (p.len && *p.at == '"')
		p = (struct piece){ p.at + 1, p.len - 1 };
	if (!p.len || *p.at != ':')
		return (struct piece){ "", 0 };
	p = str_trim((struct piece){ p.at + 1, p.len - 1 });
	if (p.len && p.at[p.len - 1] == ',')
		p.len--;
	if (p.len > 1 && (*p.at == '"' || *p.at == '\'') && p.at[p.len - 1] == *p.at)
		p = (struct piece){ p.at + 1, p.len - 2 };
	return p;
}

/* libcuda.so.1 is the name it is linked by; the file's own has the version. */
static const char *driver_in(struct piece path, struct arena *a)
{
	static const char key[] = "libcuda.so.";
	const char *at = memmem(path.at, path.len, key, sizeof(key) - 1);
	size_t n;

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	n = (size_t)(path.at + path.len - at);
	return memchr(at, '.', n) ? arena_strn(a, at, n) : NULL;
}

static void read_line(struct piece line, struct arena *a, struct toolkit_spec *ret)
{
	struct piece node = value_of(line, "path"), host = value_of(line, "hostPath");
	struct piece name = value_of(line, "name");
	struct piece path = host.len ? host : node;

	if (name.len)
		list_add(a, &ret->names, arena_strn(a, name.at, name.len));
	if (!piece_starts(path, "/"))
		return;
	if (piece_starts(path, "/dev/"))
		list_add(a, &ret->devices, arena_strn(a, path.at + 1, path.len - 1));
	else if (host.len)
		list_add(a, &ret->files, arena_strn(a, path.at + 1, path.len - 1));
	if (!ret->driver)
		ret->driver = driver_in(host, a);
}

void toolkit_read_spec(const char *text, struct arena *a, struct toolkit_spec *ret)
{
	struct piece rest = PIECE(text), line;

	*ret = (struct toolkit_spec){ 0 };
	while (str_line(&rest, &line))
		read_line(line, a, ret);
}

const char *toolkit_spec_path(const char *env, struct arena *a)
{
	static const char key[] = "NVIDIA_CTK_CDI_OUTPUT_FILE_PATH=";
	struct piece rest = PIECE(env ? env : ""), line;
	const char *path = TOOLKIT_CDI_SPEC;

	while (str_line(&rest, &line)) {
		struct piece p = str_trim(line);

		if (!piece_starts(p, key))
			continue;
		p = (struct piece){ p.at + sizeof(key) - 1, p.len - (sizeof(key) - 1) };
		if (p.len > 1 && (*p.at == '"' || *p.at == '\'') && p.at[p.len - 1] == *p.at)
			p = (struct piece){ p.at + 1, p.len - 2 };
		if (p.len && *p.at == '/')
			path = arena_strn(a, p.at, p.len);
	}
	return path;
}
