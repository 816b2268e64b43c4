/* SPDX-License-Identifier: Apache-2.0 */
/* What has moved since a plan was carried out. */
#include "drift.h"

#include "base/str.h"
#include "registry.h"
#include "sys/sys.h"

const struct rec_row moved_rows[] = {
	REC_ROW(struct moved, what, REC_STR, "what has moved"),
	REC_ROW(struct moved, was, REC_STR, "as it was left"),
	REC_ROW(struct moved, is, REC_STR, "as it is"),
	REC_END,
};

/* Steps whose effect stays where it is, and can be looked at. */
static bool lasts(const struct plan_step *s)
{
	static const char *const kinds[] = { "file",    "repo", "keyring",   "link", "engine",
					     "toolkit", "cdi",  "file-away", "hold" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_eq(s->kind, kinds[i]))
			return true;
	return false;
}

static int how_it_is(const struct sys *sys, const struct plan_step *s, const char **ret,
		     struct err *e)
{
	const char *path = step_get(s, "path");
	struct sys_stat st;

	*ret = "otherwise";
	if (!path)
		return 0;
	if (sys_stat(sys, path + (*path == '/'), &st, e))
		return -1;
	*ret = st.type == SYS_ABSENT ? "gone" : str_eq(s->kind, "file-away") ? "back" : "changed";
	return 0;
}

static int look_at(const struct sys *sys, const struct plan_step *s, struct arena *a, drift *ret,
		   struct err *e)
{
	const struct step_kind *kind = step_kind_find(s->kind);
	auto_err odd = { 0 }; /* what cannot be looked at is not as it was left */
	const char *is;
	bool done = false;

	if (!kind || !lasts(s) || (kind->done(sys, s, &done, &odd) == 0 && done))
		return 0;
	if (how_it_is(sys, s, &is, e))
		return -1;
	*list_push(a, ret) = (struct moved){ s->what, "as the plan says",
					     odd.text && *odd.text ? arena_str(a, odd.text) : is };
	return 0;
}

/* facts keep the packages that matter; of the others nobody asks. */
static void look_at_packages(const struct plan_step *s, const struct facts *now, struct arena *a,
			     drift *ret)
{
	list_each (&s->packages, k) {
		const struct fact_package *p = facts_package(now, k->name);
		bool removed = str_eq(k->change, "remove");
		bool there = p && !str_eq(p->status, "config-files");
		const char *what = arena_printf(a, "package %s", k->name);

		if (removed && there)
			*list_push(a, ret) = (struct moved){ what, "removed", p->version };
		else if (!removed && there && !str_eq(p->version, k->version))
			*list_push(a, ret) = (struct moved){ what, k->version, p->version };
		else if (!removed && !there && fact_of_driver(k->name))
			*list_push(a, ret) = (struct moved){ what, k->version, "not installed" };
	}
}

int drift_since(const struct sys *sys, const struct plan *applied, const struct facts *now,
		struct arena *a, drift *ret, struct err *e)
{
	list_each (&applied->steps, s) {
		if (look_at(sys, s, a, ret, e))
			return err_ctx(e, "looking at %s", s->id);
		look_at_packages(s, now, a, ret);
	}
	return 0;
}
