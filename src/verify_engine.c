/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of container engines: the daemon is asked whether it knows the runtime, and uses it. */
#include "verify_priv.h"

#include "base/str.h"
#include "devchar.h"
#include "engine.h"
#include "registry.h"
#include "sys/sys.h"
#include "toolkit.h"

#include <string.h>

/* ---- the daemon knows the runtime ---- */

static const struct plan_step *step_of(const struct checking *c)
{
	return plan_find(c->plan, c->post->subject);
}

/* The files are right; what does the daemon say that reads them? */
static int judge_state(struct checking *c, const struct engine_view *v, struct err *e)
{
	const char *engine = v->runtime->name, *name = v->ask.name, *file = v->ask.file.path;
	enum engine_state state;

	if (!c->sys->live)
		return defer(c, "daemon", "%s has the runtime '%s'; an image runs no daemon", file,
			     name);
	if (v->hands_off)
		return defer(c, "daemon", "%s has the runtime '%s'; %s is restarted by others",
			     file, name, engine);
	if (engine_state(c->sys, v, &state, e))
		return -1;
	switch (state) {
	case ENGINE_SILENT:
		return defer(c, "daemon", "%s has the runtime '%s'; %s does not run", file, name,
			     engine);
	case ENGINE_IGNORANT:
		return conclude(c, false,
				"%s has the runtime '%s', and %s, asked, does not know it: it was "
				"not reloaded, or does not answer",
				file, name, engine);
	case ENGINE_KNOWS:
		return conclude(c, true, "%s, asked, knows the runtime '%s'%s", engine, name,
				v->ask.set_default ? " as its default" : "");
	}
	return 0;
}

static int check_engine(struct checking *c, struct err *e)
{
	const struct plan_step *step = step_of(c);
	struct engine_view v;
	auto_err odd = { 0 };

	if (!step)
		return not_applicable(c, "the plan configures no engine");
	/* A link that is not safe, a folder in its place: that is what was seen. */
	if (engine_look(c->sys, step, c->a, &v, &odd))
		return conclude(c, false, "%s", odd.text);
	if (v.answer.refusals.n) {
		const struct runtime_issue *first = &v.answer.refusals.at[0];

		return conclude(c, false, "%s: %s", first->path, first->issue.text);
	}
	if (v.answer.writes.n)
		return conclude(c, false, "%s has not the runtime '%s' as the profile says",
				v.ask.file.path, v.ask.name);
	return judge_state(c, &v, e);
}

/* k3s, RKE2: what they generated. */
static int check_agent(struct checking *c, struct err *e)
{
	const struct plan_step *step = step_of(c);
	const struct step_kind *kind = step ? step_kind_find(step->kind) : NULL;
	bool found;

	if (!kind)
		return not_applicable(c, "the plan restarts no agent");
	if (!c->sys->live)
		return defer(c, "daemon", "it generates its configuration when it starts");
	if (kind->done(c->sys, step, &found, e))
		return -1;
	return conclude(c, found, "%s %s the runtime '%s'", step_get(step, "config"),
			found ? "has" : "has not", step_get(step, "name"));
}

/* ---- settings, the refresh service, links ---- */

static int check_settings(struct checking *c, struct err *e)
{
	const struct plan_step *step = plan_find(c->plan, "toolkit:settings");
	auto_buf struct buf text = BUF_INIT(EDIT_MAX_BYTES);
	struct engine_file file;
	auto_err odd = { 0 };
	bool there;

	if (!step)
		return not_applicable(c, "the profile has no settings of the toolkit");
	/* A link that is not safe to follow is what was seen. */
	if (engine_behind(c->sys, step_get(step, "path"), c->a, &file, &odd))
		return conclude(c, false, "%s", odd.text);
	if (sys_read_if(c->sys, file.real, &text, &there, e))
		return -1;
	return toolkit_says(step, there ? buf_str(&text) : NULL, text.len, c->a) ?
		       conclude(c, true, "/%s says what the profile says", c->post->subject) :
		       conclude(c, false, "/%s says something else than the profile",
				c->post->subject);
}

static int check_refresh(struct checking *c, struct err *e)
{
	const struct plan_step *step = plan_find(c->plan, "cdi:nvidia");
	const struct step_kind *kind = step_kind_find("cdi");
	auto_err odd = { 0 };
	bool good;

	(void)e;
	if (!step)
		return not_applicable(c, "the plan keeps no CDI specification");
	if (kind->done(c->sys, step, &good, &odd))
		return conclude(c, false, "%s", odd.text);
	if (!good)
		return conclude(c, false, "%s is not enabled, or its specification is stale",
				c->post->subject);
	return conclude(c, true, "%s is enabled", c->post->subject);
}

static int check_dev_char(struct checking *c, struct err *e)
{
	strs nodes = { 0 }, missing = { 0 };

	if (devchar_look(c->sys, c->a, &nodes, &missing, e))
		return -1;
	if (!nodes.n)
		return defer(c, "boot",
			     "there are no devices of the driver yet; a udev rule makes "
			     "the links with them");
	if (missing.n)
		return conclude(c, false,
				"/%s has no link in /dev/char: containers lose it when systemd "
				"reads its units anew",
				missing.at[0]);
	return conclude(c, true, "all %zu devices have their link in /dev/char", nodes.n);
}

/* ---- a container sees the GPUs ---- */

static bool output_of(struct checking *c, const char *const *argv, unsigned timeout_s,
		      const char **ret)
{
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = timeout_s };
	struct sys_done done = { 0 };
	auto_err silent = { 0 }; /* what cannot be started has not shown anything */
	bool good = sys_run(c->sys, &cmd, &done, &silent) == 0 && !done.status;

	*ret = silent.text && *silent.text ? arena_str(c->a, silent.text) :
					     arena_str(c->a, buf_str(&done.output));
	buf_release(&done.output);
	return good;
}

/* An image that is there: the one that the profile names, or one of NVIDIA's own. */
static const char *find_image(struct checking *c, const char *program)
{
	const char *list[] = { program, "images", "--format", "{{.Repository}}:{{.Tag}}", NULL };
	const char *text;
	struct piece rest, line;

	if (!output_of(c, list, 30, &text))
		return NULL;
	rest = PIECE(text);
	while (str_line(&rest, &line)) {
		const char *name = arena_strn(c->a, line.at, line.len);
		/* Podman names the registry, Docker does not. */
		const char *slash = strchr(name, '/');
		const char *bare = str_starts(name, "docker.io/") ? slash + 1 : name;
		const char *wanted = c->post->wanted;

		if (wanted ? str_eq(wanted, name) || str_eq(wanted, bare) :
			     strstr(name, "nvidia/cuda:") != NULL)
			return name;
	}
	return NULL;
}

static const char *last_line(struct checking *c, const char *text)
{
	struct piece rest = PIECE(text), line, last = { "", 0 };

	while (str_line(&rest, &line))
		if (str_trim(line).len)
			last = str_trim(line);
	return arena_strn(c->a, last.at, last.len);
}

static int try_image(struct checking *c, const char *program, const char *image)
{
	bool podman = str_eq(c->post->subject, "podman");
	const char *const argv[] = { program,
				     "run",
				     "--rm",
				     podman ? "--device" : "--gpus",
				     podman ? "nvidia.com/gpu=all" : "all",
				     image,
				     "nvidia-smi",
				     "-L",
				     NULL };
	const char *text;
	struct piece rest, line;
	size_t seen = 0;

	if (!output_of(c, argv, 300, &text))
		return conclude(c, false, "%s run %s %s nvidia-smi: %s", c->post->subject, argv[3],
				image, last_line(c, text));
	rest = PIECE(text);
	while (str_line(&rest, &line))
		seen += piece_starts(str_trim(line), "GPU ");
	return conclude(c, seen > 0, "a container of %s sees %zu GPU%s", image, seen,
			seen == 1 ? "" : "s");
}

static int check_container(struct checking *c, struct err *e)
{
	const char *program = arena_printf(c->a, "/usr/bin/%s", c->post->subject), *image;
	struct sys_stat st;

	if (!c->sys->live)
		return defer(c, "gpu", "an image has no GPU, and runs no containers");
	if (sys_stat(c->sys, "proc/driver/nvidia/version", &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return defer(c, "gpu", "the driver is not loaded");
	if (sys_stat(c->sys, program + 1, &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return defer(c, "daemon", "there is no %s to start a container with", program);
	image = find_image(c, program);
	if (!image && c->post->wanted)
		return defer(c, "image", "the image %s is not on this host", c->post->wanted);
	if (!image)
		return defer(c, "image",
			     "there is no image nvidia/cuda on this host; name one: "
			     "verify.container-image");
	return try_image(c, program, image);
}

const struct check checks_engine[] = {
	{ "engine", check_engine },
	{ "agent", check_agent },
	{ "toolkit-settings", check_settings },
	{ "cdi-refresh", check_refresh },
	{ "dev-char", check_dev_char },
	{ "container-run", check_container },
	{ NULL, NULL },
};
