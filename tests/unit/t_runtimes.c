/* SPDX-License-Identifier: Apache-2.0 */
/* Container engines: what they share, what the daemon must do, taking out with records. */
#include "base/str.h"
#include "engines/locate.h"
#include "runtimes/runtime.h"
#include "sys/hash.h"
#include "tap.h"

extern const struct runtime runtime_docker, runtime_containerd, runtime_crio, runtime_k0s;

static struct runtime_ask ask_for(const struct runtime *r, const char *text, const char *version)
{
	struct runtime_ask ask = { .version = version,
				   .name = "nvidia",
				   .binary = "/usr/bin/nvidia-container-runtime",
				   .hash = hash_bytes };

	ask.file.path = r->file;
	ask.file.text = text;
	ask.file.len = text ? strlen(text) : 0;
	return ask;
}

static void check_match(void)
{
	static const struct {
		const char *pattern, *path;
		bool good;
	} cases[] = {
		{ "/a/*.toml", "/a/b.toml", true },
		{ "/a/*.toml", "/a/b/c.toml", false },
		{ "/a/*.toml", "/a/.toml", true },
		{ "/a/*.toml", "/a/b.tom", false },
		{ "/a/*", "/a/b.toml", true },
		{ "/*/b", "/a/b", true },
		{ "/*/b", "/a/x/b", false },
		{ "/a/?.toml", "/a/b.toml", true },
		{ "/a/?.toml", "/a/bc.toml", false },
		{ "/a/b", "/a/b", true },
		{ "/a/b", "/a/bc", false },
		{ "/a/*b*c", "/a/xbybzc", true },
		{ "/a/*b*c", "/a/xbybz", false },
		{ "*", "/", false },
		{ "", "", true },
		{ "**", "ab", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(runtime_match(cases[i].pattern, cases[i].path) == cases[i].good, "%s and %s",
		   cases[i].pattern, cases[i].path);
}

static void check_flags(void)
{
	static const char *args[] = { "-H", "fd://", "--a=1", "--b", "2", "--c" };
	const strs list = { args, 6, 6 };

	is(arg_value(&list, "--a"), "1", "--a=1");
	is(arg_value(&list, "--b"), "2", "--b 2");
	is(arg_value(&list, "--c"), "", "--c at the end");
	is(arg_value(&list, "--d"), NULL, "--d is not there");
	is(arg_value(&list, "-H"), "fd://", "-H");
}

static void check_version(const char *version, const char *since, bool want)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = { .version = version };
	const struct runtime_work w = { &ask, &a, NULL };

	ok(runtime_since(&w, since) == want, "%s since %s", version ? version : "(none)", since);
}

/* ---- effects ---- */

static struct runtime_answer edit(struct arena *a, const struct runtime *r,
				  const struct runtime_ask *ask)
{
	struct runtime_answer answer = { 0 };

	r->edit(ask, a, &answer);
	return answer;
}

static void check_docker_effects(void)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_docker, "{\"debug\": true}", "26.1.5+dfsg1");
	struct runtime_answer r = edit(&a, &runtime_docker, &ask);

	ok(r.effect == RUNTIME_RELOAD && r.why, "a runtime needs a reload");
	ask.set_default = true;
	r = edit(&a, &runtime_docker, &ask);
	ok(r.effect == RUNTIME_RELOAD, "so does the default");
	ask.cdi = true;
	r = edit(&a, &runtime_docker, &ask);
	ok(r.effect == RUNTIME_RESTART, "CDI needs a restart");
	ask.version = "28.2.0";
	r = edit(&a, &runtime_docker, &ask);
	ok(r.effect == RUNTIME_RELOAD, "but not where it is on by itself");
	ask = ask_for(&runtime_docker, r.writes.at[0].text, "28.2.0");
	r = edit(&a, &runtime_docker, &ask);
	ok(r.effect == RUNTIME_NOTHING && !r.writes.n, "nothing to do, nothing to load");
}

/* All refusals at once, and no text. */
static void check_all_refusals(void)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_docker,
					 "{\"runtimes\": {\"nvidia\": {\"path\": \"/x\"}},\n"
					 " \"default-runtime\": \"crun\",\n"
					 " \"features\": {\"cdi\": false}}",
					 NULL);
	struct runtime_answer r;

	ask.set_default = ask.cdi = ask.binary_missing = true;
	r = edit(&a, &runtime_docker, &ask);
	ok(r.refusals.n == 4 && !r.writes.n, "four refusals, nothing written");
	ok(r.refusals.at[1].issue.at.line == 1 && r.refusals.at[2].issue.at.line == 2 &&
		   r.refusals.at[3].issue.at.line == 3,
	   "each at its place");
	is(r.refusals.at[0].path, "/etc/docker/daemon.json", "with the file");
}

static void check_flag_keys(void)
{
	static const char *args[] = { "--add-runtime", "nvidia=/usr/bin/nvidia-container-runtime",
				      "--default-runtime=nvidia" };
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_docker, NULL, NULL);
	strs keys = { 0 };

	ask.args = (strs){ args, 3, 3 };
	runtime_docker.flag_keys(&ask, &a, &keys);
	ok(keys.n == 1 && str_eq(keys.at[0], "default-runtime"), "runtimes merge, the default not");
}

static void check_reads(void)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask =
		ask_for(&runtime_containerd,
			"version = 3\nimports = ['/x/*.toml', 'y/z.toml', 1]\n", "2.1");
	strs files = { 0 };

	ask.file.path = "/opt/c/c.toml";
	runtime_containerd.reads(&ask, &a, &files);
	ok(files.n == 3 && str_eq(files.at[0], "/x/*.toml") &&
		   str_eq(files.at[1], "/opt/c/y/z.toml") &&
		   str_eq(files.at[2], "/opt/c/conf.d/*.toml"),
	   "containerd: imports, and the folder beside the file");
	files = (strs){ 0 };
	ask.file.text = "imports = ['conf.d/*.toml']";
	ask.file.len = strlen(ask.file.text);
	runtime_containerd.reads(&ask, &a, &files);
	ok(files.n == 1, "the folder only once");
}

/* ---- with records ---- */

static void keep(struct arena *a, struct runtime_file *file, const struct runtime_write *w)
{
	struct runtime_file old = *file;

	file->text = w->text;
	file->len = w->len;
	file->records.n = file->records.cap = 0;
	list_add(a, &file->records, w->record); /* newest first */
	list_each (&old.records, record)
		list_add(a, &file->records, *record);
}

static void check_records(void)
{
	static const char text[] = "{\n  \"default-runtime\": \"runc\"\n}\n";
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_docker, text, "26.1.5");
	struct runtime_answer r = edit(&a, &runtime_docker, &ask);

	keep(&a, &ask.file, &r.writes.at[0]);
	ask.set_default = true;
	r = edit(&a, &runtime_docker, &ask);
	keep(&a, &ask.file, &r.writes.at[0]);
	ask.remove = true;
	r = edit(&a, &runtime_docker, &ask);
	is(r.writes.n ? r.writes.at[0].text : NULL, text, "two edits undone at once");
	is(r.writes.at[0].interim, "{\n  \"default-runtime\": \"runc\",\n  \"runtimes\": {}\n}\n",
	   "dockerd is made to forget first");
	ok(r.writes.at[0].record.splices.n == 1 && r.writes.at[0].record.before &&
		   r.writes.at[0].record.after,
	   "the removal has a record, too");
}

static void check_records_edited(void)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_docker, NULL, "26.1.5");
	struct runtime_answer r = edit(&a, &runtime_docker, &ask);

	ok(r.writes.n && r.writes.at[0].created, "a new file");
	keep(&a, &ask.file, &r.writes.at[0]);
	ask.remove = true;
	r = edit(&a, &runtime_docker, &ask);
	ok(r.writes.n == 1 && !r.writes.at[0].text, "is deleted");
	is(r.writes.at[0].interim, "{\n    \"runtimes\": {}\n}", "after dockerd has forgotten it");
	ask.file.text = "{\"runtimes\": {\"nvidia\": {\"path\": \"/opt/x\"}}}";
	ask.file.len = strlen(ask.file.text);
	r = edit(&a, &runtime_docker, &ask);
	ok(r.refusals.n && !r.writes.n, "but not what somebody made of it");
}

static void check_containerd_remove(void)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_containerd, "version = 3\n", "2.2.7");
	struct runtime_answer r = edit(&a, &runtime_containerd, &ask);
	struct runtime_file *ours = list_push(&a, &ask.others);

	ok(r.writes.n == 2, "our file, and the import");
	ours->path = r.writes.at[0].path;
	keep(&a, ours, &r.writes.at[0]);
	keep(&a, &ask.file, &r.writes.at[1]);
	ask.remove = true;
	r = edit(&a, &runtime_containerd, &ask);
	ok(r.writes.n == 2 && r.effect == RUNTIME_RESTART, "both are undone");
	is(r.writes.at[0].text, "version = 3\n", "the root file");
	ok(!r.writes.at[1].text, "our file is deleted");
	ours->records.n = 0;
	ask.file.records.n = 0;
	r = edit(&a, &runtime_containerd, &ask);
	ok(r.writes.n == 1 && !r.writes.at[0].text,
	   "without records our file is known by its name");
}

/* ---- k0s ---- */

#define K0S_OURS "/etc/k0s/containerd.d/99-gpuprov-nvidia.toml"

static const char *first_refusal(const struct runtime_answer *r)
{
	return r->refusals.n ? r->refusals.at[0].issue.text : "";
}

static void k0s_refuses(const char *version, const char *root, const char *other, const char *why)
{
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_k0s, root, version);
	struct runtime_file file = { .path = "/etc/k0s/containerd.d/user.toml", .text = other };
	struct runtime_answer r;

	if (other) {
		file.len = strlen(other);
		list_add(&a, &ask.others, file);
	}
	r = edit(&a, &runtime_k0s, &ask);
	ok(r.refusals.n > 0 && !r.writes.n && strstr(first_refusal(&r), why) != NULL, "k0s: %s: %s",
	   why, first_refusal(&r));
}

static void check_k0s(void)
{
	static const char
		root[] = "# k0s_managed=true\nversion = 3\n",
		user[] = "version = "
			 "3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc."
			 "options]\nSystemdCgroup = true\n";
	auto_arena struct arena a = { 0 };
	struct runtime_ask ask = ask_for(&runtime_k0s, root, "1.33.4");
	struct runtime_file theirs = { .path = "/etc/k0s/containerd.d/user.toml",
				       .text = user,
				       .len = sizeof(user) - 1 };
	struct runtime_file ours = { .path = K0S_OURS };
	struct runtime_answer r;

	list_add(&a, &ask.others, theirs);
	ask.set_default = true;
	r = edit(&a, &runtime_k0s, &ask);
	ok(!r.refusals.n && r.writes.n == 1 && r.effect == RUNTIME_RESTART, "k0s: one file: %s",
	   first_refusal(&r));
	is(r.writes.n ? r.writes.at[0].path : "", K0S_OURS, "of our own, never the generated one");
	ours.text = r.writes.n ? r.writes.at[0].text : "";
	ours.len = strlen(ours.text);
	ok(strstr(ours.text, "version = 3") && strstr(ours.text, "SystemdCgroup = true") &&
		   strstr(ours.text, "default_runtime_name = \"nvidia\"") &&
		   strstr(ours.text, "[plugins.\"io.containerd.cri.v1.runtime\".containerd."
				     "runtimes.nvidia.options]"),
	   "of the root's version, as runc has its cgroups: %s", ours.text);
	list_add(&a, &ask.others, ours);
	r = edit(&a, &runtime_k0s, &ask);
	ok(!r.refusals.n && !r.writes.n, "a second time there is nothing to do");
	ask.remove = true;
	r = edit(&a, &runtime_k0s, &ask);
	ok(r.writes.n == 1 && !r.writes.at[0].text, "taken out, the file is gone");
	k0s_refuses("1.33.4", NULL, NULL, "has not started yet");
	k0s_refuses("1.33.4", "version = 2\n", NULL, "does not import");
	k0s_refuses("1.33.4", "# k0s_managed=true\nversion = 7\n", NULL, "not known here");
	k0s_refuses("1.33.4", "# k0s_managed=true\n[x\n", NULL, "");
	k0s_refuses("1.27.0", root, NULL, "1.27.1 is the first");
	k0s_refuses("1.33.4", root,
		    "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.nvidia]\n"
		    "runtime_type = \"x\"\n",
		    "is defined otherwise");
}

int main(void)
{
	check_k0s();
	check_match();
	check_flags();
	check_version("28.2.0", "28.2", true);
	check_version("20.10.24+dfsg1", "25", false);
	check_version("2.10.0", "2.9", true);
	check_version(NULL, "1", false);
	check_version("unknown", "1", false);
	check_docker_effects();
	check_all_refusals();
	check_flag_keys();
	check_reads();
	check_records();
	check_records_edited();
	check_containerd_remove();
	return done_testing();
}
