/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon of a container engine: finding it, making it notice, asking it. */
#include "engines/engine.h"

#include "base/str.h"
#include "engines/locate.h"
#include "sys/sys.h"

#include <string.h>

/* ---- finding it ---- */

bool engine_reloads(const char *engine)
{
	return str_eq(engine, "docker") || str_eq(engine, "crio");
}

static const char *program_of(const char *engine)
{
	return str_eq(engine, "docker") ? "dockerd" : engine;
}

/* A process may go while we look at it: what cannot be read is empty. */
static const char *proc_text(const struct sys *sys, const char *pid, const char *name,
			     struct arena *a, size_t *ret_len)
{
	auto_buf struct buf text = BUF_INIT(64 << 10);
	auto_err gone = { 0 };

	*ret_len = 0;
	if (sys_read(sys, arena_printf(a, "proc/%s/%s", pid, name), &text, &gone))
		return "";
	*ret_len = text.len;
	return arena_strn(a, buf_str(&text), text.len);
}

static const char *proc_link(const struct sys *sys, const char *pid, const char *name,
			     struct arena *a)
{
	auto_buf struct buf text = BUF_INIT(4096);
	auto_err gone = { 0 };

	if (sys_readlink(sys, arena_printf(a, "proc/%s/%s", pid, name), &text, &gone))
		return NULL;
	return arena_str(a, buf_str(&text));
}

/* The items of a text in which each ends with NUL. */
static void items(const char *text, size_t len, struct arena *a, strs *ret)
{
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		list_add(a, ret, arena_str(a, text + at));
}

static const char *env_value(const strs *env, const char *name)
{
	list_each (env, one)
		if (str_starts(*one, name) && (*one)[strlen(name)] == '=')
			return *one + strlen(name) + 1;
	return NULL;
}

static void take_env(const struct sys *sys, const char *pid, struct arena *a,
		     struct engine_process *p)
{
	strs env = { 0 };
	size_t len;
	const char *text = proc_text(sys, pid, "environ", a, &len);

	items(text, len, a, &env);
	p->home = env_value(&env, "HOME");
	p->xdg_config = env_value(&env, "XDG_CONFIG_HOME");
	p->xdg_runtime = env_value(&env, "XDG_RUNTIME_DIR");
}

/* The systemd line of /proc/PID/cgroup, v2 or v1. */
static const char *cgroup_of(const struct sys *sys, const char *pid, struct arena *a)
{
	size_t len;
	const char *text = proc_text(sys, pid, "cgroup", a, &len);
	struct piece rest = { text, len }, line;

	while (str_line(&rest, &line))
		if (piece_starts(line, "0::") || memmem(line.at, line.len, "name=systemd:", 13)) {
			const char *at = memchr(line.at, '/', line.len);

			if (at && line.len - (size_t)(at - line.at) > 1)
				return arena_strn(a, at, line.len - (size_t)(at - line.at));
		}
	return NULL;
}

static int take_process(const struct sys *sys, const char *pid, struct arena *a,
			engine_processes *ret, struct err *e)
{
	struct engine_process p = { 0 };
	unsigned long long number = 0;
	struct sys_stat st;
	strs line = { 0 };
	size_t len;
	const char *text = proc_text(sys, pid, "cmdline", a, &len);

	if (sys_stat(sys, arena_printf(a, "proc/%s", pid), &st, e))
		return -1;
	if (!len || st.type != SYS_DIR || !str_to_u64(pid, &number))
		return 0;
	items(text, len, a, &line);
	for (size_t i = 1; i < line.n; i++)
		list_add(a, &p.args, line.at[i]);
	p.pid = (long long)number;
	p.uid = st.uid;
	p.exe = proc_link(sys, pid, "exe", a);
	p.cgroup = cgroup_of(sys, pid, a);
	take_env(sys, pid, a, &p);
	list_add(a, ret, p);
	return 0;
}

int engine_running(const struct sys *sys, const char *engine, struct arena *a,
		   engine_processes *ret, struct err *e)
{
	const char *program = program_of(engine), *mine = proc_link(sys, "self", "ns/pid", a);
	strs pids = { 0 };

	if (!sys->live)
		return 0;
	if (sys_list(sys, "proc", a, &pids, e))
		return -1;
	list_each (&pids, pid) {
		const char *name, *space;
		size_t len;

		if (**pid < '0' || **pid > '9')
			continue;
		name = proc_text(sys, *pid, "comm", a, &len);
		if (!len || strncmp(name, program, strlen(program)) != 0 ||
		    name[strlen(program)] != '\n')
			continue;
		space = proc_link(sys, *pid, "ns/pid", a);
		if (mine && space && !str_eq(mine, space))
			continue;
		if (take_process(sys, *pid, a, ret, e))
			return -1;
	}
	return 0;
}

/* The one that reads our file. */
static int find_daemon(const struct sys *sys, const struct engine_view *v,
		       struct engine_process *ret, struct err *e)
{
	engine_processes all = { 0 };

	*ret = (struct engine_process){ 0 };
	if (engine_running(sys, v->runtime->name, v->a, &all, e))
		return -1;
	list_each (&all, p) {
		const struct locate_env env = { p->home, p->xdg_config };
		struct located at;

		locate(v->runtime->name, &p->args, &env, v->a, &at);
		/* k0s has its containerd as a child, and one file for it. */
		if (str_eq(at.config, v->ask.file.path) || str_eq(v->runtime->name, "k0s"))
			*ret = *p;
	}
	return 0;
}

/* ---- making it notice ---- */

static int act(const struct sys *sys, const char *const *argv, struct err *e)
{
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 180 };

	return sys_run_ok(sys, &cmd, e);
}

static bool there(const struct sys *sys, const char *path, enum sys_type type)
{
	auto_err none = { 0 }; /* then it is not there */
	struct sys_stat st;

	return sys_stat(sys, path, &st, &none) == 0 && st.type == type;
}

/* Of the system's own manager; what a user's manager runs is not ours to restart. */
static const char *unit_of(const struct engine_view *v, const struct engine_process *p)
{
	const char *slash = p->cgroup ? strrchr(p->cgroup, '/') : NULL;

	if (p->uid)
		return NULL;
	if (slash && str_ends(slash, ".service"))
		return slash + 1;
	if (v->unit)
		return v->unit;
	return arena_printf(v->a, "%s.service", v->runtime->name);
}

static int no_way_to_restart(const struct engine_view *v, const struct engine_process *p,
			     struct err *e)
{
	err_set(e, GP_EDIT_PRECONDITION,
		"%s (process %lld) must be restarted, and there is neither a system service nor "
		"an init script to do it with",
		v->runtime->name, p->pid);
	err_way(e,
		p->uid ? "let its user restart it: systemctl --user restart %s; tell gpuprov "
			 "with restart: never" :
			 "stop %s yourself, run this again, then start it",
		v->runtime->name);
	return -1;
}

int engine_tell(const struct sys *sys, const struct engine_view *v, enum runtime_effect effect,
		struct err *e)
{
	bool reload = effect == RUNTIME_RELOAD;
	const char *script = arena_printf(v->a, "etc/init.d/%s", v->runtime->name);
	struct engine_process p;
	const char *unit;

	if (!sys->live || v->hands_off || effect == RUNTIME_NOTHING)
		return 0;
	if (find_daemon(sys, v, &p, e))
		return -1;
	if (!p.pid)
		return 0;
	unit = unit_of(v, &p);
	if (unit && there(sys, "run/systemd/system", SYS_DIR))
		return act(sys,
			   (const char *const[]){ "/usr/bin/systemctl",
						  reload ? "reload" : "restart", unit, NULL },
			   e);
	if (reload)
		return act(sys,
			   (const char *const[]){ "/bin/kill", "-HUP",
						  arena_printf(v->a, "%lld", p.pid), NULL },
			   e);
	if (!p.uid && there(sys, script, SYS_FILE))
		return act(sys,
			   (const char *const[]){ "/usr/sbin/service", v->runtime->name, "restart",
						  NULL },
			   e);
	return no_way_to_restart(v, &p, e);
}

/* ---- asking ---- */

static const char *unix_path(const char *address)
{
	return address && str_starts(address, "unix://") ? address + strlen("unix://") : NULL;
}

/* -H may be given several times; any socket will do. */
static const char *docker_socket(const struct engine_view *v, const struct engine_process *p)
{
	auto_edit struct edit *file = edit_open(v->a, EDIT_JSON, v->ask.file.text, v->ask.file.len);
	const struct tree *hosts = tree_get(edit_root(file), "hosts");

	for (size_t i = 0; i < p->args.n; i++) {
		const strs rest = { p->args.at + i, p->args.n - i, 0 };
		const char *host = arg_value(&rest, "-H");

		if (unix_path(host ? host : arg_value(&rest, "--host")))
			return unix_path(host ? host : arg_value(&rest, "--host"));
	}
	for (size_t i = 0; hosts && i < hosts->members.n; i++) {
		const struct piece text = hosts->members.at[i].value->text;
		const char *path = unix_path(arena_strn(v->a, text.at, text.len));

		if (path)
			return path;
	}
	if (p->uid && p->xdg_runtime)
		return arena_printf(v->a, "%s/docker.sock", p->xdg_runtime);
	return "/run/docker.sock";
}

/* In a file of any of the engines. */
static bool has_runtime(const struct engine_view *v, const struct tree *root)
{
	const struct tree *plugins = tree_get(root, "plugins");
	const struct tree *crio = tree_get(tree_get(root, "crio"), "runtime");

	if (tree_get(tree_get(root, "runtimes"), v->ask.name) ||
	    tree_get(tree_get(crio, "runtimes"), v->ask.name))
		return true;
	for (size_t i = 0; plugins && i < plugins->members.n; i++) {
		const struct tree *cri = tree_get(plugins->members.at[i].value, "containerd");

		if (tree_get(tree_get(cri, "runtimes"), v->ask.name))
			return true;
	}
	return false;
}

int engine_generated(const struct sys *sys, const char *path, const char *name, bool as_default,
		     bool *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(EDIT_MAX_BYTES);
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = NULL;
	const struct tree *plugins;
	bool there;

	if (sys_read_if(sys, path + strspn(path, "/"), &text, &there, e))
		return -1;
	ed = edit_open(&a, EDIT_TOML, there ? buf_str(&text) : NULL, text.len);
	plugins = tree_get(edit_root(ed), "plugins");
	*ret = false;
	for (size_t i = 0; plugins && i < plugins->members.n; i++) {
		const struct tree *cri = tree_get(plugins->members.at[i].value, "containerd");

		*ret |= tree_get(tree_get(cri, "runtimes"), name) &&
			(!as_default || tree_is(tree_get(cri, "default_runtime_name"), name));
	}
	return 0;
}

/* Do the files, as they are to be, define the runtime? */
static bool defined(const struct engine_view *v)
{
	enum edit_format format = str_eq(v->runtime->name, "docker") ? EDIT_JSON : EDIT_TOML;

	list_each (&v->files, f) {
		auto_edit struct edit *ed = NULL;
		const char *text;
		size_t len;

		engine_text(v, f->path, true, &text, &len);
		if (!text)
			continue;
		ed = edit_open(v->a, format, text, len);
		if (has_runtime(v, edit_root(ed)))
			return true;
	}
	return false;
}

static bool as_wanted(const struct engine_view *v, bool has, bool is_default)
{
	return has == defined(v) && (is_default || v->ask.remove || !v->ask.set_default);
}

static bool docker_knows(const struct sys *sys, const struct engine_view *v,
			 const struct engine_process *p)
{
	auto_buf struct buf info = BUF_INIT(EDIT_MAX_BYTES);
	auto_err silent = { 0 }; /* a daemon that does not answer does not know */
	auto_edit struct edit *said = NULL;
	const struct tree *dirs;
	bool has, is_default;

	if (sys_ask(sys, docker_socket(v, p) + 1, "/info", &info, &silent))
		return false;
	said = edit_open(v->a, EDIT_JSON, buf_str(&info), info.len);
	has = tree_get(tree_get(edit_root(said), "Runtimes"), v->ask.name) != NULL;
	is_default = tree_is(tree_get(edit_root(said), "DefaultRuntime"), v->ask.name);
	dirs = tree_get(edit_root(said), "CDISpecDirs");
	return as_wanted(v, has, is_default) &&
	       (!v->ask.cdi || v->ask.remove || (dirs && dirs->members.n));
}

static bool says(const struct sys *sys, struct arena *a, const char *const *argv, const char **ret)
{
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 20, .output_limit = 4 << 20 };
	struct sys_done done = { 0 };
	auto_err silent = { 0 };
	bool good = there(sys, argv[0] + 1, SYS_FILE) && sys_run(sys, &cmd, &done, &silent) == 0 &&
		    !done.status;

	*ret = good ? arena_strn(a, buf_str(&done.output), done.output.len) : "";
	buf_release(&done.output);
	return good;
}

const char *engine_containerd_socket(const struct engine_view *v)
{
	auto_edit struct edit *file = edit_open(v->a, EDIT_TOML, v->ask.file.text, v->ask.file.len);
	const struct tree *at = tree_get(tree_get(edit_root(file), "grpc"), "address");

	return at && at->type == TREE_STRING && at->text.len ?
		       arena_strn(v->a, at->text.at, at->text.len) :
		       "/run/containerd/containerd.sock";
}

/* "io.containerd.grpc.v1    cri    linux/amd64    ok": active is not enough, CRI may be out. */
static bool cri_loaded(const char *plugins)
{
	struct piece rest = { plugins, strlen(plugins) }, line;
	bool found = false;

	while (str_line(&rest, &line)) {
		struct piece word, type = { "", 0 }, id = { "", 0 }, last = { "", 0 };

		if (!str_word(&line, &type) || !str_word(&line, &id))
			continue;
		while (str_word(&line, &word))
			last = word;
		if (!(piece_eq(id, "cri") || piece_starts(type, "io.containerd.cri.")))
			continue;
		found = true;
		if (!piece_eq(last, "ok"))
			return false;
	}
	return found;
}

static bool containerd_knows(const struct sys *sys, const struct engine_view *v,
			     const struct engine_process *p)
{
	bool k0s = str_eq(v->runtime->name, "k0s");
	const char *socket = k0s ? "/run/k0s/containerd.sock" : engine_containerd_socket(v), *text;
	const char *slash = p->exe ? strrchr(p->exe, '/') : NULL;
	const char *ctr = slash ? arena_printf(v->a, "%.*s/ctr", (int)(slash - p->exe), p->exe) :
				  "/usr/bin/ctr";
	const char *endpoint = arena_printf(v->a, "unix://%s", socket);

	if (says(sys, v->a,
		 (const char *const[]){ "/usr/bin/crictl", "--runtime-endpoint", endpoint, "info",
					NULL },
		 &text)) {
		const char *name = arena_printf(v->a, "\"%s\"", v->ask.name);

		return (strstr(text, name) != NULL) == defined(v);
	}
	if (k0s)
		return says(sys, v->a,
			    (const char *const[]){ p->exe ? p->exe : "/usr/local/bin/k0s", "ctr",
						   "plugins", "ls", NULL },
			    &text) &&
		       cri_loaded(text);
	return says(sys, v->a, (const char *const[]){ ctr, "-a", socket, "plugins", "ls", NULL },
		    &text) &&
	       cri_loaded(text);
}

static bool crio_knows(const struct sys *sys, const struct engine_view *v)
{
	const char *text, *name = arena_printf(v->a, "[crio.runtime.runtimes.%s]", v->ask.name);

	if (!says(sys, v->a, (const char *const[]){ "/usr/bin/crio", "status", "config", NULL },
		  &text) &&
	    !says(sys, v->a, (const char *const[]){ "/usr/bin/crio-status", "config", NULL },
		  &text))
		return false;
	return (strstr(text, name) != NULL) == defined(v);
}

int engine_state(const struct sys *sys, const struct engine_view *v, enum engine_state *ret,
		 struct err *e)
{
	struct engine_process p;
	bool knows;

	*ret = ENGINE_SILENT;
	if (!sys->live || v->hands_off)
		return 0;
	if (find_daemon(sys, v, &p, e))
		return -1;
	if (!p.pid)
		return 0;
	if (str_eq(v->runtime->name, "docker"))
		knows = docker_knows(sys, v, &p);
	else if (str_eq(v->runtime->name, "crio"))
		knows = crio_knows(sys, v);
	else
		knows = containerd_knows(sys, v, &p);
	*ret = knows ? ENGINE_KNOWS : ENGINE_IGNORANT;
	return 0;
}

int engine_pause(const struct sys *sys, unsigned quarters, struct err *e)
{
	static const char *const nap[] = { "/bin/sleep", "0.25", NULL };

	for (unsigned i = 0; i < quarters; i++)
		if (act(sys, nap, e))
			return -1;
	return 0;
}

enum { TRIES = 60 };

int engine_await(const struct sys *sys, const struct engine_view *v, bool ran, struct err *e)
{
	enum engine_state now = ENGINE_SILENT;

	for (int i = 0; i < TRIES; i++) {
		if (engine_state(sys, v, &now, e))
			return -1;
		if (now == ENGINE_KNOWS || (now == ENGINE_SILENT && !ran))
			return 0;
		if (engine_pause(sys, 1, e))
			return -1;
	}
	if (now == ENGINE_SILENT)
		return err_set(e, GP_STEP_LIED, "%s does not run any more", v->runtime->name);
	return err_set(e, GP_STEP_LIED, "%s does not %s the runtime '%s'", v->runtime->name,
		       v->ask.remove ? "forget" : "know", v->ask.name);
}
