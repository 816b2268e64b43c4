/* SPDX-License-Identifier: Apache-2.0 */
/* Which file an engine reads: the cases of tests/vectors/locate, and those that only we know. */
#include "base/str.h"
#include "engines/locate.h"
#include "runtimes/runtime.h"
#include "tap.h"
#include "vector.h"

extern const struct runtime runtime_docker;

static void words(struct arena *a, const json_t *list, strs *ret)
{
	/* The first is the program's name. */
	for (size_t i = 1; i < json_array_size(list); i++)
		list_add(a, ret, json_string_value(json_array_get(list, i)));
}

static void check_conflicts(struct arena *a, const char *id, const strs *args, const json_t *wanted)
{
	struct runtime_ask ask = { .args = *args };
	strs keys = { 0 };

	runtime_docker.flag_keys(&ask, a, &keys);
	ok(keys.n == json_array_size(wanted), "%s: %zu keys are set by options", id, keys.n);
	for (size_t i = 0; i < keys.n; i++)
		is(keys.at[i], json_string_value(json_array_get(wanted, i)), id);
}

static void check(const json_t *one)
{
	auto_arena struct arena a = { 0 };
	const char *id = vector_str(one, "id"), *use = vector_str(one, "use");
	const json_t *env = json_object_get(one, "env");
	const struct locate_env e = { vector_str(env, "HOME"), vector_str(env, "XDG_CONFIG_HOME") };
	struct located at;
	strs args = { 0 };

	words(&a, json_object_get(one, "cmdline"), &args);
	locate(vector_str(one, "engine"), &args, &e, &a, &at);
	is(at.config, vector_str(one, "config"), id);
	if (json_object_get(one, "explicit"))
		ok(at.named == json_is_true(json_object_get(one, "explicit")), "%s: named", id);
	if (vector_str(one, "drop_in_dir"))
		is(at.drop_ins, vector_str(one, "drop_in_dir"), id);
	ok(!at.refuse == !(vector_str(one, "refuse") || use), "%s: %s", id,
	   at.refuse ? at.refuse : "may be edited");
	if (use)
		ok(at.owner && str_starts(use, at.owner), "%s: it is %s's", id, at.owner);
	if (str_eq(vector_str(one, "engine"), "docker"))
		check_conflicts(&a, id, &args, json_object_get(one, "conflict_keys"));
}

static void check_vectors(void)
{
	auto_arena struct arena a = { 0 };
	size_t len = 0;
	const char *text = vector_file(&a, "tests/vectors/locate", "cases.json", &len);
	json_error_t e;
	json_t *all = text ? json_loadb(text, len, 0, &e) : NULL;

	ok(json_array_size(all) > 0, "there are cases");
	for (size_t i = 0; i < json_array_size(all); i++)
		check(json_array_get(all, i));
	json_decref(all);
}

static void check_own(const char *arg, const char *xdg, const char *config, const char *variant)
{
	auto_arena struct arena a = { 0 };
	const struct locate_env env = { "/home/u", xdg };
	struct located at;
	strs args = { 0 };

	list_add(&a, &args, arg);
	locate("docker", &args, &env, &a, &at);
	is(at.config, config, arg);
	is(at.variant, variant, arg);
}

int main(void)
{
	check_vectors();
	check_own("--rootless", "/home/u/cfg", "/home/u/cfg/docker/daemon.json", "rootless");
	check_own("--rootless=true", NULL, "/home/u/.config/docker/daemon.json", "rootless");
	check_own("--rootless=false", NULL, "/etc/docker/daemon.json", NULL);
	return done_testing();
}
