/* SPDX-License-Identifier: Apache-2.0 */
/* What was done, for resume and undo. */
#include "journal.h"

#include "base/str.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <string.h>

#define RUNS STATE_DIR "/runs"
enum { CHECK = 16 };

static const struct rec_row record_rows[] = {
	REC_ROW(struct journal_record, kind, REC_STR, "what happened"),
	REC_ROW(struct journal_record, step, REC_STR, "to which step"),
	REC_ROW(struct journal_record, text, REC_STR, "what belongs to it"),
	REC_ROW(struct journal_record, boot, REC_STR, "boot id"),
	REC_ROW(struct journal_record, time, REC_INT, "when"),
	REC_END,
};

int journal_lock(const struct sys *sys, int *ret_fd, struct err *e)
{
	if (sys_mkdirs(sys, STATE_DIR, 0700, e))
		return err_ctx(e, "preparing the state folder");
	return sys_lock(sys, STATE_DIR "/lock", 0, ret_fd, e);
}

static const char *run_path(struct arena *a, long long run, const char *file)
{
	return arena_printf(a, RUNS "/%06lld/%s", run, file);
}

/* A run that got no further than its folder, because the disk was full, never was. */
static int reuse_last(const struct sys *sys, struct arena *a, long long *run, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, run_path(a, *run - 1, "journal"), &st, e))
		return -1;
	*run -= st.type == SYS_ABSENT;
	return 0;
}

static int next_run(const struct sys *sys, struct arena *a, long long *ret, struct err *e)
{
	strs names = { 0 };

	*ret = 1;
	if (sys_list(sys, RUNS, a, &names, e))
		return -1;
	list_each (&names, name) {
		unsigned long long n;

		if (str_to_u64(*name, &n) && (long long)n >= *ret)
			*ret = (long long)n + 1;
	}
	return *ret > 1 ? reuse_last(sys, a, ret, e) : 0;
}

const char *journal_log_path(struct arena *a, long long run)
{
	return run_path(a, run, "log");
}

static int append(const struct journal *j, const struct journal_record *r, struct err *e)
{
	auto_buf struct buf json = BUF_TEXT;
	auto_buf struct buf line = BUF_TEXT;
	struct jw w = { .out = &json, .compact = true };
	char hash[HASH_HEX];

	rec_write(&w, record_rows, r);
	hash_bytes(buf_str(&json), json.len, hash);
	buf_addf(&line, "%.*s %s\n", CHECK, hash, buf_str(&json));
	return sys_append(j->sys, j->path, buf_str(&line), line.len, e) ?
		       err_ctx(e, "writing the journal") :
		       0;
}

int journal_begin(const struct sys *sys, const struct plan *plan, struct arena *a,
		  struct journal *ret, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600 };
	auto_buf struct buf text = BUF_TEXT;
	char hash[HASH_HEX];
	struct sys_ident id;
	struct journal_record r = { .kind = "begin", .text = hash, .boot = id.boot_id };

	*ret = (struct journal){ .sys = sys, .a = a };
	if (next_run(sys, a, &ret->run, e) || sys_ident(sys, &id, e) ||
	    sys_mkdirs(sys, arena_printf(a, RUNS "/%06lld", ret->run), 0700, e))
		return err_ctx(e, "opening a new run");
	ret->path = run_path(a, ret->run, "journal");
	plan_write(plan, &text);
	hash_bytes(buf_str(&text), text.len, hash);
	if (sys_replace(sys, run_path(a, ret->run, "plan.json"), buf_str(&text), text.len, &attr,
			e))
		return err_ctx(e, "saving the plan");
	r.time = sys_now(sys);
	return append(ret, &r, e);
}

int journal_add(const struct journal *j, const char *kind, const char *step, const char *text,
		struct err *e)
{
	struct journal_record r = {
		.kind = kind, .step = step, .text = text, .time = sys_now(j->sys)
	};

	return append(j, &r, e);
}

/* One line into a record; false when it is torn or damaged. */
static bool parse_line(struct piece line, struct arena *a, struct journal_record *ret)
{
	auto_err ignored = { 0 }; /* a line that does not parse is reported by its place */
	char hash[HASH_HEX];

	if (line.len < CHECK + 2 || line.at[CHECK] != ' ')
		return false;
	hash_bytes(line.at + CHECK + 1, line.len - CHECK - 1, hash);
	if (memcmp(hash, line.at, CHECK) != 0)
		return false;
	return rec_read(line.at + CHECK + 1, line.len - CHECK - 1, "journal", record_rows, ret, a,
			&ignored) == 0;
}

int journal_read(const struct sys *sys, long long run, struct arena *a, journal_records *ret,
		 struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);
	struct piece rest, line;
	const char *path = run_path(a, run, "journal");
	unsigned number = 0, bad = 0;
	bool there;

	if (sys_read_if(sys, path, &text, &there, e))
		return err_ctx(e, "reading the journal");
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line)) {
		struct journal_record r = { 0 };

		number++;
		if (!parse_line(line, a, &r)) {
			bad = bad ? bad : number;
			continue;
		}
		if (bad) {
			err_set(e, GP_JOURNAL_CORRUPT,
				"the journal '%s/%s' is damaged at line %u, and good records "
				"follow",
				sys->root, path, bad);
			err_way(e,
				"look at that line; what the run did is also in the log beside it");
			return -1;
		}
		list_add(a, ret, r);
	}
	return 0;
}

static int ended_well(const struct sys *sys, long long run, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	journal_records records = { 0 };

	if (journal_read(sys, run, &a, &records, e))
		return -1;
	*ret = false;
	list_each (&records, r)
		*ret |= str_eq(r->kind, "end") && str_eq(r->text, "done");
	return 0;
}

int journal_applied(const struct sys *sys, struct arena *a, struct plan *ret, bool *ret_there,
		    struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);
	long long run;
	const char *path;

	*ret_there = false;
	if (next_run(sys, a, &run, e))
		return -1;
	while (--run > 0) {
		bool well;

		if (ended_well(sys, run, &well, e))
			return -1;
		if (!well)
			continue;
		path = run_path(a, run, "plan.json");
		if (sys_read(sys, path, &text, e))
			return -1;
		*ret_there = true;
		return plan_read(buf_str(&text), text.len, path, a, ret, e);
	}
	return 0;
}
