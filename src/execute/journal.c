/* SPDX-License-Identifier: Apache-2.0 */
/* What was done, for resume and undo. */
#include "execute/journal.h"

#include "base/str.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <string.h>

#define RUNS STATE_DIR "/runs"
#define FORMAT STATE_DIR "/format"
enum { CHECK = 16, FORMAT_NOW = 1 };

/* Room for the records of the longest plan: a full disk must not stop us between two of them. */
enum { RESERVE = 1 << 20 };

static const struct rec_row record_rows[] = {
	REC_ROW(struct journal_record, kind, REC_STR, "what happened"),
	REC_ROW(struct journal_record, step, REC_STR, "to which step"),
	REC_ROW(struct journal_record, text, REC_STR, "what belongs to it"),
	REC_ROW(struct journal_record, boot, REC_STR, "boot id"),
	REC_ROW(struct journal_record, who, REC_STR, "the user"),
	REC_ROW(struct journal_record, continues, REC_STR, "the run it goes on with"),
	REC_ROW(struct journal_record, time, REC_INT, "when"),
	REC_END,
};

/* State of a newer program means things that we do not know: nothing of it is touched. */
static int check_format(const struct sys *sys, bool *ret_there, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(4096);
	unsigned long long format = 0;
	struct piece rest, line = { "", 0 };
	auto_arena struct arena a = { 0 };

	if (sys_read_if(sys, FORMAT, &text, ret_there, e))
		return err_ctx(e, "reading the format of the state");
	if (!*ret_there)
		return 0;
	rest = (struct piece){ buf_str(&text), text.len };
	str_line(&rest, &line);
	if (str_to_u64(arena_strn(&a, line.at, line.len), &format) && format <= FORMAT_NOW)
		return 0;
	err_set(e, GP_STATE_NEWER, "'%s/" STATE_DIR "' is in format '%.*s', this program knows %d",
		str_eq(sys->root, "/") ? "" : sys->root, (int)line.len, line.at, FORMAT_NOW);
	err_way(e, "use the gpuprov that wrote it, or a newer one");
	return -1;
}

static int say_format(const struct sys *sys, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600 };
	bool there;

	if (check_format(sys, &there, e))
		return -1;
	return there ? 0 : sys_replace(sys, FORMAT, "1\n", 2, &attr, e);
}

int journal_lock(const struct sys *sys, int *ret_fd, struct err *e)
{
	bool there;

	if (sys_mkdirs(sys, STATE_DIR, 0700, e))
		return err_ctx(e, "preparing the state folder");
	if (check_format(sys, &there, e))
		return -1;
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

int journal_newest(const struct sys *sys, long long *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };

	if (next_run(sys, &a, ret, e))
		return -1;
	--*ret;
	return 0;
}

static int save_plan(const struct sys *sys, const struct plan *plan, long long run, struct arena *a,
		     char *ret_hash, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600 };
	auto_buf struct buf text = BUF_TEXT;

	plan_write(plan, &text);
	hash_bytes(buf_str(&text), text.len, ret_hash);
	return sys_replace(sys, run_path(a, run, "plan.json"), buf_str(&text), text.len, &attr, e) ?
		       err_ctx(e, "saving the plan") :
		       0;
}

static void place(const struct sys *sys, long long run, struct arena *a, struct journal *ret)
{
	*ret = (struct journal){
		.sys = sys, .a = a, .run = run, .path = run_path(a, run, "journal")
	};
}

int journal_begin(const struct sys *sys, const struct plan *plan, long long continues,
		  struct arena *a, struct journal *ret, struct err *e)
{
	char hash[HASH_HEX];
	struct sys_ident id;
	struct journal_record r = {
		.kind = "begin", .text = hash, .boot = id.boot_id, .who = id.user
	};
	long long run;

	if (say_format(sys, e) || next_run(sys, a, &run, e) || sys_ident(sys, &id, e) ||
	    sys_mkdirs(sys, arena_printf(a, RUNS "/%06lld", run), 0700, e))
		return err_ctx(e, "opening a new run");
	place(sys, run, a, ret);
	if (save_plan(sys, plan, run, a, hash, e))
		return -1;
	if (sys_reserve(sys, ret->path, RESERVE, e))
		return err_ctx(e, "making the journal");
	r.time = sys_now(sys);
	if (continues)
		r.continues = arena_printf(a, "%lld", continues);
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
		if (bad == number - 1 && str_eq(r.kind, "torn"))
			bad = 0;
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

/* Text that ends in a line which is no record: its write was cut off. */
static bool ends_torn(const struct buf *text)
{
	auto_arena struct arena a = { 0 };
	struct piece rest = { buf_str(text), text->len }, line;
	struct journal_record r;
	bool torn = false;

	while (str_line(&rest, &line))
		torn = !parse_line(line, &a, &r);
	return torn;
}

int journal_open(const struct sys *sys, long long run, struct arena *a, struct journal *ret,
		 struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);
	bool there;

	place(sys, run, a, ret);
	if (sys_read_if(sys, ret->path, &text, &there, e))
		return err_ctx(e, "reading the journal");
	if (text.len && buf_str(&text)[text.len - 1] != '\n' &&
	    sys_append(sys, ret->path, "\n", 1, e))
		return err_ctx(e, "writing the journal");
	return ends_torn(&text) ? journal_add(ret, "torn", NULL, NULL, e) : 0;
}

int journal_plan(const struct sys *sys, long long run, struct arena *a, struct plan *ret,
		 struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);
	const char *path = run_path(a, run, "plan.json");

	if (sys_read(sys, path, &text, e))
		return err_ctx(e, "reading the plan of run %lld", run);
	return plan_read(buf_str(&text), text.len, path, a, ret, e);
}
