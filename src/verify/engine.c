/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of container engines: the daemon is asked whether it knows the runtime, and uses it. */
#include "verify/priv.h"

#include "base/str.h"
#include "engines/devchar.h"
#include "engines/engine.h"
#include "engines/toolkit.h"
#include "registry.h"
#include "sys/sys.h"

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

const struct check checks_engine[] = {
	{ "engine", check_engine },
	{ "agent", check_agent },
	{ "toolkit-settings", check_settings },
	{ "cdi-refresh", check_refresh },
	{ "dev-char", check_dev_char },
	{ NULL, NULL },
};
