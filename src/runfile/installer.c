/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps that run an installer share. */
#include "runfile/installer.h"

#include "base/str.h"
#include "facts.h"
#include "runfile/look.h"
#include "sys/sealed.h"
#include "sys/sys.h"

#include <string.h>

#define MARKS FACT_INSTALLING

/* ---- why it failed ---- */

enum { MOST_REASONS = 3 };

/* The first few lines that begin with the mark. Those after them are consequences. */
static void take_lines(struct piece text, const char *mark, struct buf *ret)
{
	struct piece line;
	int n = 0;

	while (n < MOST_REASONS && str_line(&text, &line)) {
		if (!piece_starts(line, mark))
			continue;
		line.at += strlen(mark);
		line.len -= strlen(mark);
		line = str_trim(line);
		if (!line.len)
			continue;
		if (n++)
			buf_adds(ret, "\n  ");
		str_escape(ret, line.at, line.len < 300 ? line.len : 300);
	}
}

/* From its log; where that does not say, from what it printed. */
static void reasons(const struct sys *sys, const struct installer *i, const struct sys_done *done,
		    struct buf *ret)
{
	auto_buf struct buf log = BUF_INIT(4 << 20);
	auto_err ignored = { 0 }; /* without a log there is still the output */
	bool there;

	if (sys_read_if(sys, i->log, &log, &there, &ignored) == 0 && there)
		take_lines((struct piece){ buf_str(&log), log.len }, i->mark, ret);
	if (!ret->len)
		take_lines((struct piece){ buf_str(&done->output), done->output.len }, "", ret);
}

static int failed(const struct sys *sys, const struct installer *i, const struct sys_done *done,
		  struct err *e)
{
	auto_buf struct buf why = BUF_TEXT;
	const char *root = str_eq(sys->root, "/") ? "" : sys->root;

	if (done->timed_out)
		return err_set(e, GP_TIMEOUT, "'%s' did not end in time and was stopped",
			       i->argv[0]);
	reasons(sys, i, done, &why);
	err_set(e, GP_INSTALLER_FAILED, "'%s' ended with status %d: %s", i->argv[0], done->status,
		why.len ? buf_str(&why) : "it does not say why");
	err_way(e, "what it did is in %s/%s", root, i->log);
	return -1;
}

int installer_run(const struct sys *sys, const struct installer *i, struct err *e)
{
	const struct sys_sealed sealed = {
		.from = sys->cache,
		.path = step_get(i->step, "object"),
		.sha256 = step_get(i->step, "sha256"),
		.tmp_option = i->tmp_option,
	};
	struct sys_cmd cmd = { .argv = i->argv, .timeout_s = 3600, .sealed = &sealed };
	auto_arena struct arena a = { 0 };
	struct runfile seen = { 0 };
	unsigned long long seconds = 0;
	struct sys_done done = { 0 };
	int rc;

	/* Nobody vouches for its bytes: at least nothing hostile may be in them. */
	if (!sealed.sha256 && look(sys->cache, sealed.path, &a, &seen, e))
		return -1;
	if (step_get(i->step, "timeout") && str_to_u64(step_get(i->step, "timeout"), &seconds))
		cmd.timeout_s = (unsigned)seconds;
	if (sys_run(sys, &cmd, &done, e))
		return -1;
	rc = done.status || done.timed_out ? failed(sys, i, &done, e) : 0;
	buf_release(&done.output);
	return rc;
}

/* ---- that it was begun ---- */

static const char *mark_of(struct arena *a, const char *key)
{
	return arena_printf(a, MARKS "/%s", key);
}

int installer_begin(const struct sys *sys, const char *key, struct err *e)
{
	static const char text[] = "An installation, or an uninstallation, was begun and did not "
				   "come to its end yet.\n";
	auto_arena struct arena a = { 0 };

	if (sys_mkdirs(sys, MARKS, 0700, e))
		return -1;
	return sys_replace(sys, mark_of(&a, key), text, strlen(text), NULL, e);
}

int installer_end(const struct sys *sys, const char *key, struct err *e)
{
	auto_arena struct arena a = { 0 };

	return sys_remove(sys, mark_of(&a, key), e) || sys_rmdir(sys, MARKS, e) ? -1 : 0;
}

int installer_begun(const struct sys *sys, const char *key, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct sys_stat st;

	if (sys_stat(sys, mark_of(&a, key), &st, e))
		return -1;
	*ret = st.type != SYS_ABSENT;
	return 0;
}

int installer_sweep(const struct sys *sys, struct err *e)
{
	auto_arena struct arena a = { 0 };
	strs names = { 0 };

	if (sys_list(sys, SEALED_TMP, &a, &names, e))
		return -1;
	list_each (&names, name)
		if (str_starts(*name, "run-") &&
		    sys_prune(sys, arena_printf(&a, SEALED_TMP "/%s", *name), e))
			return -1;
	return 0;
}
