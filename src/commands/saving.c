/* SPDX-License-Identifier: Apache-2.0 */
/* Plans to files, and back if nothing has moved. */
#include "commands/saving.h"

#include "base/mem.h"
#include "base/str.h"
#include "execute/journal.h"
#include "execute/runs.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <unistd.h>

/* A plan lives by its absolute path; of one from standard input there is none. */
static const char *absolute(struct job *j, const char *path)
{
	auto_free char *full = realpath(path, NULL);

	return arena_str(&j->a, full);
}

/*
 * Of the profile with what it extends; NULL when it is not there: a plan may be carried to where
 * its profile is not.
 */
static const char *hash_profile(struct job *j, const char *path)
{
	if (!path || access(path, F_OK))
		return NULL;
	/* One with errors now is another one too, and not worth parsing: that it moved is told. */
	return job_load_profile(j, path) == 0 ? job_profile_hash(j) : "not a good profile";
}

static void add_target(struct job *j, const char *path, struct saved *ret)
{
	auto_err unreadable = {
		0
	}; /* who plans may not be allowed to read it: then it is not known */
	char hash[SYS_DIGEST];
	struct saved_target *t;

	list_each (&ret->targets, it)
		if (str_eq(it->path, path))
			return;
	t = list_push(&j->a, &ret->targets);
	t->path = path;
	if (sys_digest(&j->sys, path, hash, &unreadable) == 0)
		t->sha256 = arena_str(&j->a, hash);
}

/* The host as it is now, for this plan. */
static int gather(struct job *j, const struct plan *plan, struct saved *ret, struct err *e)
{
	ret->program = VERSION;
	ret->root = j->sys.root;
	ret->made = sys_now(&j->sys);
	if (job_catalog_hash(j, &ret->catalog_hash, e))
		return -1;
	list_each (&plan->steps, s)
		if (step_get(s, "path") && s->op != OP_KEEP)
			add_target(j, step_get(s, "path"), ret);
	return 0;
}

int saving_write(struct job *j, struct err *e)
{
	const char *path = opt_value(j->o, OPT_OUT);
	struct saved s = { .facts = j->facts, .plan = j->plan };
	auto_buf struct buf text = BUF_TEXT;
	auto_err hidden = { 0 }; /* the state is root's: then the time of the runs must do */

	if (j->borrowed) {
		err_set(e, GP_USAGE,
			"a plan made with --facts has no exact package set, so it cannot be saved");
		err_way(e, "run gpuprov plan --out on that host itself");
		return -1;
	}
	if (journal_newest(&j->sys, &s.newest, &hidden))
		s.newest = -1;
	s.profile = absolute(j, j->o->args.at[0]);
	s.profile_hash = j->plan.header.profile_hash;
	if (gather(j, &j->plan, &s, e))
		return -1;
	saved_write(&s, &text);
	if (user_write(path, buf_str(&text), text.len, 0600, e))
		return err_ctx(e, "saving the plan");
	fprintf(stderr, "Saved. Carry it out with: gpuprov apply %s\n", path);
	return 0;
}

int saving_read(struct job *j, const char *path, struct saved *ret, bool *ret_is, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);

	if (user_read_own(path, SAVED_HEAD, &text, ret_is, e))
		return -1;
	return *ret_is ? saved_read(buf_str(&text), text.len, path, &j->a, ret, e) : 0;
}

/* Runs made since the plan was; and whether the newest of them is of this very plan. */
static int see_runs(struct job *j, const struct saved *then, struct saved *now, bool *ret_begun,
		    struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;
	char hash[HASH_HEX];
	runs all = { 0 };

	plan_write(&then->plan, &text);
	hash_bytes(buf_str(&text), text.len, hash);
	if (runs_list(&j->sys, &j->a, &all, e))
		return -1;
	*ret_begun = false;
	list_each (&all, run) {
		now->runs +=
			then->newest < 0 ? run->began >= then->made : run->number > then->newest;
		*ret_begun = str_eq(run->plan_hash, hash) && run->state != RUN_ROLLED_BACK;
	}
	return 0;
}

static int refuse(const strs *moved, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;

	list_each (moved, it)
		buf_addf(&text, "\n  %s", *it);
	err_set(e, GP_PLAN_STALE, "the plan is stale: %zu fact%s moved since it was made%s",
		moved->n, moved->n == 1 ? "" : "s", buf_str(&text));
	err_way(e, "look at what moved, then make the plan again: gpuprov plan PROFILE --out FILE");
	return -1;
}

/* What libapt would install now must be what the plan shows, before anything is changed. */
static int check_sets(struct job *j, const struct saved *then, strs *moved, struct err *e)
{
	struct plan copy = then->plan;

	copy.a = &j->a;
	copy.steps.at = NULL;
	copy.steps.n = copy.steps.cap = 0;
	list_each (&then->plan.steps, s) {
		struct plan_step *to = list_push(&j->a, &copy.steps);

		*to = *s;
		if (str_eq(s->kind, "packages") && s->op != OP_KEEP)
			to->packages.n = to->packages.cap = 0;
	}
	j->plan = copy;
	if (job_resolve(j, e))
		return -1;
	saved_sets_differ(&then->plan, &j->plan, &j->a, moved);
	return 0;
}

int saving_check(struct job *j, const struct saved *then, struct err *e)
{
	struct saved now = { 0 };
	strs moved = { 0 };
	bool begun;

	now.profile_hash = hash_profile(j, then->profile);
	if (gather(j, &then->plan, &now, e) || see_runs(j, then, &now, &begun, e))
		return -1;
	now.facts = j->facts;
	if (!begun) {
		saved_moved(then, &now, &j->a, &moved);
		if (!moved.n && check_sets(j, then, &moved, e))
			return -1;
	}
	j->plan = then->plan;
	j->plan.a = &j->a;
	return moved.n ? refuse(&moved, e) : 0;
}
