/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov status: how the last run ended, and what is left to do. */
#include "commands/metrics.h"

#include "base/str.h"
#include "closure/predict.h"
#include "drift.h"
#include "execute/journal.h"
#include "execute/runs.h"

#include <string.h>

/* A package that upgrades do not move. */
struct status_held {
	const char *package, *version;
	const char *by;  /* gpuprov, or other */
	const char *why; /* in words */
};

static const struct rec_row held_rows[] = {
	REC_ROW(struct status_held, package, REC_STR, "package"),
	REC_ROW(struct status_held, version, REC_STR, "version that it is held at"),
	REC_ROW(struct status_held, by, REC_STR, "who held it: gpuprov, other"),
	REC_ROW(struct status_held, why, REC_STR, "why, and what lifts it"),
	REC_END,
};

/* A preference that names parts of the driver. */
struct status_pin {
	const char *file, *pin, *priority;
};

static const struct rec_row pin_rows[] = {
	REC_ROW(struct status_pin, file, REC_STR, "file of apt's preferences"),
	REC_ROW(struct status_pin, pin, REC_STR, "which versions"),
	REC_ROW(struct status_pin, priority, REC_STR, "their priority"),
	REC_END,
};

/* The driver, as it is and as it will be. */
struct status_driver {
	const char *applied;   /* by the last run that changed it */
	const char *installed; /* libraries */
	const char *loaded;    /* module in the kernel */
	const char *next_kernel, *next_module;
};

static const struct rec_row driver_rows[] = {
	REC_ROW(struct status_driver, applied, REC_STR, "version that was applied"),
	REC_ROW(struct status_driver, installed, REC_STR, "version of the libraries"),
	REC_ROW(struct status_driver, loaded, REC_STR, "version of the loaded module"),
	REC_ROW(struct status_driver, next_kernel, REC_STR, "kernel of the next boot"),
	REC_ROW(struct status_driver, next_module, REC_STR, "version of its module"),
	REC_END,
};

struct status_report {
	const char *schema;
	bool running;      /* somebody holds the lock */
	const char *state; /* of the last run; "none" */
	const char *next;  /* what to do about it; NULL = nothing */
	bool reboot_required;
	struct run last;
	strs unfinished; /* steps begun and not ended */
	LIST(struct status_held) held;
	LIST(struct status_pin) pins;
	struct status_driver driver;
	drift moved; /* since the run that was last carried out */
};

static const struct rec_row status_rows[] = {
	REC_ROW(struct status_report, schema, REC_STR, "format"),
	REC_ROW(struct status_report, running, REC_BOOL, "a run is going on now"),
	REC_ROW(struct status_report, state, REC_STR, "how the last run ended"),
	REC_ROW(struct status_report, next, REC_STR, "what to do about it"),
	REC_ROW(struct status_report, reboot_required, REC_BOOL, "the next boot is waited for"),
	{ .name = "last",
	  .type = REC_OBJ,
	  .offset = offsetof(struct status_report, last),
	  .rows = run_rows,
	  .help = "the last run" },
	REC_ROW(struct status_report, unfinished, REC_STRS, "steps begun and not ended"),
	{ .name = "held",
	  .type = REC_LIST,
	  .offset = offsetof(struct status_report, held),
	  .rows = held_rows,
	  .size = sizeof(struct status_held),
	  .help = "packages of GPUs that are on hold" },
	{ .name = "pins",
	  .type = REC_LIST,
	  .offset = offsetof(struct status_report, pins),
	  .rows = pin_rows,
	  .size = sizeof(struct status_pin),
	  .help = "what apt is told about versions of the driver" },
	{ .name = "driver",
	  .type = REC_OBJ,
	  .offset = offsetof(struct status_report, driver),
	  .rows = driver_rows,
	  .help = "the driver: applied, installed, loaded, at the next boot" },
	{ .name = "drift",
	  .type = REC_LIST,
	  .offset = offsetof(struct status_report, moved),
	  .rows = moved_rows,
	  .size = sizeof(struct moved),
	  .help = "what has moved since" },
	REC_END,
};

static int see_steps(struct job *j, const struct run *run, struct status_report *r, struct err *e)
{
	journal_records records = { 0 };

	if (journal_read(&j->sys, run->number, &j->a, &records, e))
		return -1;
	list_each (&records, it) {
		if (str_eq(it->kind, "start") || str_eq(it->kind, "undo"))
			list_add(&j->a, &r->unfinished, it->step);
		else if ((str_eq(it->kind, "done") || str_eq(it->kind, "undone")) &&
			 r->unfinished.n)
			r->unfinished.n--;
	}
	return 0;
}

static const char *what_next(const struct run *run, bool running)
{
	if (running)
		return "wait until it is done";
	switch (run->state) {
	case RUN_DONE:
	case RUN_ROLLED_BACK:
		return NULL;
	case RUN_FAILED:
	case RUN_INTERRUPTED:
	case RUN_CUT_OFF:
		return run->rollback ? "run gpuprov rollback again: it goes on from there" :
				       "run the same apply again: it goes on from there; or "
				       "gpuprov rollback, to put everything back";
	case RUN_REBOOT:
		return "reboot; the rest is done then";
	}
	return NULL;
}

/* ---- what is held ---- */

/* The last run that held packages; NULL when none is known to have. */
static const struct run *holding_run(struct job *j, const runs *all, struct err *e)
{
	for (size_t i = all->n; i-- > 0;) {
		journal_records records = { 0 };

		if (journal_read(&j->sys, all->at[i].number, &j->a, &records, e))
			return NULL;
		list_each (&records, it)
			if (str_eq(it->kind, "done") && str_eq(it->step, "hold:nvidia"))
				return &all->at[i];
	}
	return NULL;
}

static const char *why_held(struct job *j, bool ours, const struct run *run)
{
	if (!ours)
		return "somebody held it; apt-mark unhold lifts it";
	if (!run)
		return "apt.hold of a profile";
	return arena_printf(&j->a, "apt.hold in %s, run %lld; gpuprov rollback lifts it",
			    run->profile ? run->profile : "a profile", run->number);
}

/* What was applied, what is there, what the next boot brings, and what has moved since. */
static int see_driver(struct job *j, const struct facts *f, struct status_report *r, struct err *e)
{
	struct plan applied;
	bool there;

	r->driver.installed = f->driver.version;
	r->driver.loaded = f->driver.loaded;
	list_each (&f->kernels, k)
		if (k->next) {
			r->driver.next_kernel = k->release;
			r->driver.next_module = k->nvidia;
		}
	if (runs_applied(&j->sys, &j->a, &applied, &there, e))
		return -1;
	if (!there)
		return 0;
	list_each (&applied.posts, post)
		if (str_eq(post->id, "driver.libcuda"))
			r->driver.applied = post->wanted;
	return drift_since(&j->sys, &applied, f, &j->a, &r->moved, e);
}

static int see_held(struct job *j, const runs *all, struct status_report *r, struct err *e)
{
	static const char *const names[] = { "os",           "dpkg",    "pins",
					     "files",        "kernels", "boot",
					     "module_files", "modules", "runfile",
					     "driver",       NULL };
	auto_err unread = { 0 }; /* a damaged journal is told elsewhere; the holds are there */
	const struct run *run;
	struct facts f;

	if (facts_gather_some(&j->sys, names, &j->a, &f, e))
		return -1;
	run = holding_run(j, all, &unread);
	list_each (&f.packages, p) {
		bool ours = p->held && !held_by_user(&f, p->name);

		if (p->held)
			*list_push(&j->a, &r->held) =
				(struct status_held){ p->name, p->version,
						      ours ? "gpuprov" : "other",
						      why_held(j, ours, run) };
	}
	list_each (&f.pins, pin)
		if (!str_eq(pin->file, HELD_FILE) &&
		    (strstr(pin->package, "nvidia") || strstr(pin->package, "cuda")))
			*list_push(&j->a, &r->pins) =
				(struct status_pin){ pin->file, pin->pin, pin->priority };
	return see_driver(j, &f, r, e);
}

static void show_driver(const struct status_driver *d, struct buf *ret)
{
	if (!d->installed && !d->applied && !d->loaded)
		return;
	buf_addf(ret, "Driver: %s installed", d->installed ? d->installed : "none");
	if (d->applied)
		buf_addf(ret, ", %s applied", d->applied);
	buf_addf(ret, ", %s%s.\n", d->loaded ? d->loaded : "no module",
		 d->loaded ? " loaded" : " is loaded");
	if (d->next_kernel)
		buf_addf(ret, "Next boot: kernel %s, %s%s.\n", d->next_kernel,
			 d->next_module ? "module " : "no NVIDIA module",
			 d->next_module ? d->next_module : "");
}

static void show_drift(const struct status_report *r, struct buf *ret)
{
	enum { MOST = 8 }; /* all of it stands in --json */
	size_t n = 0;

	if (r->moved.n)
		buf_adds(ret, "Moved since it was applied:\n");
	list_each (&r->moved, m)
		if (n++ < MOST)
			buf_addf(ret, "  %s: %s, not %s\n", m->what, m->is, m->was);
	if (n > MOST)
		buf_addf(ret, "  and %zu more\n", n - MOST);
}

static void show_held(const struct status_report *r, struct buf *ret)
{
	list_each (&r->held, h)
		buf_addf(ret, "Held: %s %s, by %s: %s.\n", h->package, h->version,
			 str_eq(h->by, "other") ? "somebody else" : h->by, h->why);
	list_each (&r->pins, p)
		buf_addf(ret, "Pinned: %s at priority %s, in /%s.\n", p->pin, p->priority, p->file);
}

static void show(const struct status_report *r, struct buf *ret)
{
	if (r->running)
		buf_adds(ret, "A run is going on now.\n");
	if (!r->last.number) {
		buf_adds(ret, "No run was made here yet.\n");
		show_driver(&r->driver, ret);
		show_held(r, ret);
		return;
	}
	buf_addf(ret, "Run %lld, %s%s by %s: %s.\n", r->last.number,
		 r->last.rollback ? "rollback" : "apply ",
		 r->last.rollback ? "" :
		 r->last.profile  ? r->last.profile :
				    "-",
		 r->last.who ? r->last.who : "-", r->state);
	if (r->last.cause)
		buf_addf(ret, "  because: %s\n", r->last.cause);
	list_each (&r->unfinished, id)
		buf_addf(ret, "  begun and not ended: %s\n", *id);
	show_driver(&r->driver, ret);
	show_drift(r, ret);
	if (r->reboot_required)
		buf_adds(ret, "A reboot is needed.\n");
	show_held(r, ret);
	if (r->next)
		buf_addf(ret, "To do: %s.\n", r->next);
}

static int look(struct job *j, struct status_report *r, runs *all, struct err *e)
{
	if (sys_locked(&j->sys, STATE_DIR "/lock", &r->running, e) ||
	    runs_list(&j->sys, &j->a, all, e) || see_held(j, all, r, e))
		return -1;
	r->state = "none";
	if (!all->n)
		return 0;
	r->last = all->at[all->n - 1];
	r->state = r->running ? "running" : run_state_word(r->last.state);
	r->next = what_next(&r->last, r->running);
	return see_steps(j, &r->last, r, e) ||
			       runs_reboot(&j->sys, all, &j->a, &r->reboot_required, e) ?
		       -1 :
		       0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct status_report r = { .schema = "gpuprov.status/1" };
	struct jw w = { .out = &text };
	runs all = { 0 };

	if (job_open(&j, o, e) || look(&j, &r, &all, e))
		return -1;
	if (opt_wants(o, "prometheus")) {
		const struct metrics m = { &all, r.running, r.reboot_required };

		if (metrics_write(&j, &m, &text, e))
			return -1;
	} else if (opt_wants(o, "json")) {
		rec_write(&w, status_rows, &r);
		buf_addc(&text, '\n');
	} else {
		show(&r, &text);
	}
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_status = {
	.name = "status",
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "show how the last run ended, and what is left to do",
	.about = "Shows the last run: who made it, from which profile, how it ended, which step "
		 "was cut off, whether a reboot is needed, and what to do next; the driver as it "
		 "was applied, is installed, loaded, and will be after the next boot; what has "
		 "moved since: files that were edited, packages, engines; and which packages "
		 "are held or pinned, by whom and why. Needs root, "
		 "because the state of gpuprov is root's.\n"
		 "\n"
		 "With --format prometheus: metrics for the textfile collector of node_exporter, "
		 "also about drift, where gpuprov-drift.timer is enabled.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_JSON, OPT_FORMAT, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", "prometheus", NULL },
	.run = run,
};
