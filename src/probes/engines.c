/* SPDX-License-Identifier: Apache-2.0 */
/* Container engines and Kubernetes distributions: which, how they are started, what they read. */
#include "probes/probe.h"

#include "base/str.h"
#include "engines/engine.h"
#include "engines/locate.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>

struct look {
	const struct sys *sys;
	struct facts *f;
	struct arena *a;
};

static bool there(const struct look *l, const char *path)
{
	auto_err none = { 0 }; /* then it is not there */
	struct sys_stat st;

	return sys_stat(l->sys, path, &st, &none) == 0 && st.type != SYS_ABSENT;
}

static const char *text_at(const struct look *l, const char *path, size_t most)
{
	auto_buf struct buf text = BUF_INIT(most);
	auto_err none = { 0 };
	bool is;

	if (sys_read_if(l->sys, path, &text, &is, &none) || !is)
		return NULL;
	return arena_strn(l->a, buf_str(&text), text.len);
}

/* ---- units ---- */

/* `KEY=value` of the last line that has it; an empty one forgets those before, as systemd does. */
static void last_value(struct arena *a, const char *text, const char *key, const char **ret)
{
	struct piece rest = { text ? text : "", text ? strlen(text) : 0 }, line;

	while (str_line(&rest, &line)) {
		line = str_trim(line);
		if (!piece_starts(line, key))
			continue;
		line.at += strlen(key);
		line.len -= strlen(key);
		*ret = line.len ? arena_strn(a, line.at, line.len) : NULL;
	}
}

struct unit {
	const char *exec;        /* ExecStart */
	const char *environment; /* EnvironmentFile */
};

static void take_unit(const struct look *l, const char *path, struct unit *u)
{
	const char *text = text_at(l, path, 64 << 10);

	last_value(l->a, text, "ExecStart=", &u->exec);
	last_value(l->a, text, "EnvironmentFile=", &u->environment);
}

/* The unit as systemd has it: /etc hides /usr/lib, drop-ins come by name. */
static bool find_unit(const struct look *l, const char *name, struct unit *ret)
{
	static const char *const places[] = { "etc/systemd/system", "usr/lib/systemd/system",
					      "lib/systemd/system" };
	auto_err none = { 0 };
	strs names = { 0 };
	bool found = false;

	for (size_t i = 0; i < 3 && !found; i++) {
		const char *path = arena_printf(l->a, "%s/%s", places[i], name);

		found = there(l, path);
		if (found)
			take_unit(l, path, ret);
	}
	for (size_t i = 2; i-- > 0;) {
		const char *folder = arena_printf(l->a, "%s/%s.d", places[i], name);

		if (sys_list(l->sys, folder, l->a, &names, &none))
			continue;
		list_each (&names, one)
			if (str_ends(*one, ".conf"))
				take_unit(l, arena_printf(l->a, "%s/%s", folder, *one), ret);
	}
	return found;
}

/* The words of an ExecStart, $NAME from the unit's EnvironmentFile put in. */
static void unit_args(const struct look *l, const struct unit *u, strs *ret)
{
	struct piece rest = { u->exec ? u->exec : "", u->exec ? strlen(u->exec) : 0 }, word;
	const char *file = u->environment;
	const char *env;

	if (file && *file == '-')
		file++;
	env = file && *file == '/' ? text_at(l, file + 1, 64 << 10) : NULL;
	while (str_word(&rest, &word)) {
		const char *value = NULL;
		struct piece inner;

		if (*word.at != '$') {
			list_add(l->a, ret, arena_strn(l->a, word.at, word.len));
			continue;
		}
		last_value(l->a, env,
			   arena_printf(l->a, "%.*s=",
					(int)strspn(word.at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
								 "hijklmnopqrstuvwxyz_0123456789"),
					word.at + 1),
			   &value);
		for (struct piece v = { value ? value : "", value ? strlen(value) : 0 };
		     str_word(&v, &inner);) {
			while (inner.len && strchr("\"'", *inner.at))
				inner.at++, inner.len--;
			while (inner.len && strchr("\"'", inner.at[inner.len - 1]))
				inner.len--;
			list_add(l->a, ret, arena_strn(l->a, inner.at, inner.len));
		}
	}
}

/* ---- one engine ---- */

struct known {
	const char *name, *unit;
	const char *packages[4];
	const char *programs[4]; /* beneath the root */
};

static const struct known engines[] = {
	{ "docker",
	  "docker.service",
	  { "docker-ce", "docker.io" },
	  { "usr/bin/dockerd", "usr/sbin/dockerd", "usr/local/bin/dockerd" } },
	{ "containerd",
	  "containerd.service",
	  { "containerd.io", "containerd" },
	  { "usr/bin/containerd", "usr/local/bin/containerd" } },
	{ "crio", "crio.service", { "cri-o" }, { "usr/bin/crio", "usr/local/bin/crio" } },
	{ "podman", NULL, { "podman" }, { "usr/bin/podman", "usr/local/bin/podman" } },
	{ "k3s", "k3s.service", { NULL }, { "usr/local/bin/k3s", "usr/bin/k3s" } },
	{ "rke2", "rke2-server.service", { NULL }, { "usr/local/bin/rke2", "usr/bin/rke2" } },
	{ "k0s", "k0scontroller.service", { NULL }, { "usr/local/bin/k0s", "usr/bin/k0s" } },
};

static const char *join(struct arena *a, const strs *args)
{
	auto_buf struct buf b = BUF_TEXT;

	list_each (args, arg)
		buf_addf(&b, "%s%s", b.len ? " " : "", *arg);
	return b.len ? arena_str(a, buf_str(&b)) : NULL;
}

/* "5:26.1.5-1~debian.12~bookworm" and "26.1.5+dfsg1-9" are both 26.1.5. */
static const char *upstream(struct arena *a, const char *version)
{
	const char *colon = strchr(version, ':');

	version = colon ? colon + 1 : version;
	return arena_strn(a, version, strspn(version, "0123456789."));
}

static const struct fact_package *package_of(const struct look *l, const struct known *k)
{
	for (size_t i = 0; i < 4 && k->packages[i]; i++)
		if (facts_installed(l->f, k->packages[i]))
			return facts_package(l->f, k->packages[i]);
	return NULL;
}

/* A program that dpkg did not bring tells its version itself, on the running system. */
static const char *ask_version(const struct look *l, const char *program)
{
	const char *const argv[] = { program, "--version", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 5 };
	struct sys_done done = { 0 };
	auto_err silent = { 0 };
	const char *version = NULL;

	if (!l->sys->live || sys_run(l->sys, &cmd, &done, &silent))
		return NULL;
	if (!done.status)
		version = engine_version_in(buf_str(&done.output), l->a);
	buf_release(&done.output);
	return version ? upstream(l->a, version) : NULL;
}

/* ---- what the files say ---- */

static const struct tree *runtimes_of(const struct tree *root, const char *engine,
				      const struct tree **ret_default, const struct tree **ret_cdi)
{
	const struct tree *plugins = tree_get(root, "plugins"), *crio;

	if (str_eq(engine, "docker")) {
		*ret_default = tree_get(root, "default-runtime");
		*ret_cdi = tree_get(tree_get(root, "features"), "cdi");
		return tree_get(root, "runtimes");
	}
	crio = tree_get(tree_get(root, "crio"), "runtime");
	*ret_default = tree_get(crio, "default_runtime");
	for (size_t i = 0; plugins && i < plugins->members.n; i++) {
		const struct tree *cri = plugins->members.at[i].value;
		const struct tree *containerd = tree_get(cri, "containerd");

		if (tree_get(cri, "enable_cdi"))
			*ret_cdi = tree_get(cri, "enable_cdi");
		if (!tree_get(containerd, "runtimes"))
			continue;
		*ret_default = tree_get(containerd, "default_runtime_name");
		return tree_get(containerd, "runtimes");
	}
	return tree_get(crio, "runtimes");
}

/* Of containerd, by its runc: what no file says is cgroupfs. */
static void take_cgroup_driver(const struct tree *runtimes, struct fact_engine *e)
{
	const struct tree *runc = tree_get(runtimes, "runc");

	if (!str_eq(e->name, "containerd") || (!runc && e->cgroup_driver))
		return;
	e->cgroup_driver =
		tree_is_bool(tree_get(tree_get(runc, "options"), "SystemdCgroup"), true) ?
			"systemd" :
			"cgroupfs";
}

/* A file that cannot be read as such leaves all of it unknown. */
static void take_file(const struct look *l, const char *path, struct fact_engine *e)
{
	const char *text = text_at(l, path + strspn(path, "/"), EDIT_MAX_BYTES);
	auto_edit struct edit *ed = NULL;
	const struct tree *runtimes, *chosen = NULL, *cdi = NULL;

	if (!text)
		return;
	ed = edit_open(l->a, str_eq(e->name, "docker") ? EDIT_JSON : EDIT_TOML, text, strlen(text));
	if (edit_refused(ed)) {
		fact_unknown(l->f, arena_printf(l->a, "engines.%s.knows_nvidia", e->name),
			     arena_printf(l->a, "%s cannot be parsed", path));
		e->knows_nvidia = e->default_nvidia = TRI_UNKNOWN;
		return;
	}
	runtimes = runtimes_of(edit_root(ed), e->name, &chosen, &cdi);
	if (tree_get(runtimes, "nvidia"))
		e->knows_nvidia = TRI_YES;
	if (chosen)
		e->default_nvidia = tree_is(chosen, "nvidia") ? TRI_YES : TRI_NO;
	if (cdi)
		e->cdi = tree_is_bool(cdi, true) ? TRI_YES : TRI_NO;
	take_cgroup_driver(runtimes, e);
}

static void take_folder(const struct look *l, const char *folder, struct fact_engine *e)
{
	auto_err none = { 0 };
	strs names = { 0 };

	if (sys_list(l->sys, folder + strspn(folder, "/"), l->a, &names, &none))
		return;
	list_each (&names, name)
		take_file(l, arena_printf(l->a, "%s/%s", folder, *name), e);
}

static void take_files(const struct look *l, const struct located *at, struct fact_engine *e)
{
	if (!at->config)
		return;
	e->knows_nvidia = e->default_nvidia = TRI_NO;
	take_file(l, at->config, e);
	if (at->drop_ins)
		take_folder(l, at->drop_ins, e);
	else if (str_eq(e->name, "containerd"))
		take_folder(l, arena_printf(l->a, "%s/conf.d", runtime_folder(l->a, at->config)),
			    e);
}

/* ---- how it runs ---- */

/* The process that reads the configuration of this engine: containerd may run several times. */
static const struct engine_process *main_process(const struct look *l, const char *engine,
						 const engine_processes *all, struct located *ret)
{
	const struct engine_process *found = NULL;

	list_each (all, p) {
		const struct locate_env env = { p->home, p->xdg_config };
		struct located at;

		locate(engine, &p->args, &env, l->a, &at);
		if (at.owner || (found && (p->uid || str_eq(at.variant, "rootless"))))
			continue;
		found = p;
		*ret = at;
	}
	return found;
}

/* Docker tells how many containers there are; containerd has a folder for each. */
static long long count_containers(const struct look *l, const char *engine)
{
	auto_buf struct buf info = BUF_INIT(EDIT_MAX_BYTES);
	auto_err silent = { 0 };
	auto_edit struct edit *said = NULL;
	const struct tree *n;
	unsigned long long number;
	strs names = { 0 };

	if (str_eq(engine, "containerd"))
		return sys_list(l->sys, "run/containerd/io.containerd.runtime.v2.task/k8s.io", l->a,
				&names, &silent) ?
			       -1 :
			       (long long)names.n;
	if (!str_eq(engine, "docker") ||
	    sys_ask(l->sys, "run/docker.sock", "/info", &info, &silent))
		return -1;
	said = edit_open(l->a, EDIT_JSON, buf_str(&info), info.len);
	n = tree_get(edit_root(said), "ContainersRunning");
	return n && n->type == TREE_INT &&
			       str_to_u64(arena_strn(l->a, n->text.at, n->text.len), &number) ?
		       (long long)number :
		       -1;
}

static int take_process(const struct look *l, const struct known *k, struct fact_engine *e,
			struct located *at, strs *args, struct err *err)
{
	engine_processes all = { 0 };
	const struct engine_process *p;

	e->containers = -1;
	if (!l->sys->live)
		return 0;
	if (engine_running(l->sys, k->name, l->a, &all, err))
		return -1;
	p = main_process(l, k->name, &all, at);
	e->running = p ? TRI_YES : TRI_NO;
	if (!p)
		return 0;
	*args = p->args;
	if (p->exe && *p->exe == '/')
		e->program = p->exe;
	e->containers = count_containers(l, k->name);
	return 0;
}

static int take_engine(const struct look *l, const struct known *k, struct err *err)
{
	const struct fact_package *package = package_of(l, k);
	struct fact_engine e = { .name = k->name };
	struct located at = { 0 };
	struct unit unit = { 0 };
	strs args = { 0 };
	bool snap = str_eq(k->name, "docker") && there(l, "var/snap/docker/current");

	for (size_t i = 0; i < 4 && k->programs[i] && !e.program; i++)
		if (there(l, k->programs[i]))
			e.program = arena_printf(l->a, "/%s", k->programs[i]);
	if (!e.program && !package && !snap)
		return 0;
	if (take_process(l, k, &e, &at, &args, err))
		return -1;
	if (!at.config && !at.refuse) {
		const struct locate_env env = { 0 };
		strs words = { 0 };

		if (k->unit && find_unit(l, k->unit, &unit))
			unit_args(l, &unit, &words);
		for (size_t i = 1; i < words.n; i++)
			list_add(l->a, &args, words.at[i]);
		locate(k->name, &args, &env, l->a, &at);
	}
	e.variant = snap && !package ? "snap" : at.variant;
	e.package = package ? package->name : NULL;
	e.config = at.config;
	e.args = join(l->a, &args);
	e.version = package   ? upstream(l->a, package->version) :
		    e.program ? ask_version(l, e.program) :
				NULL;
	take_files(l, &at, &e);
	list_add(l->a, &l->f->engines, e);
	return 0;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	const struct look l = { sys, f, f->a };

	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (take_engine(&l, &engines[i], e))
			return -1;
	fact_from(f, "engines",
		  sys->live ? "processes, units and configuration files" :
			      "units and configuration files");
	return 0;
}

const struct probe probe_engines = { "engines", PROBE_LAST, run };
