/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the next boot. */
#include "execute/resume.h"

#include "base/rec.h"
#include "base/str.h"
#include "execute/journal.h"
#include "sys/sys.h"

#define PATH STATE_DIR "/resume.json"

static const struct rec_row rows[] = {
	REC_ROW(struct resume, run, REC_INT, "the run that waits"),
	REC_ROW(struct resume, boot, REC_STR, "boot id in which it began to wait"),
	REC_ROW(struct resume, boots, REC_INT, "how often it was gone on with"),
	REC_END,
};

static int save(const struct sys *sys, const struct resume *r, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600 };
	auto_buf struct buf text = BUF_TEXT;
	struct jw j = { .out = &text };

	rec_write(&j, rows, r);
	buf_addc(&text, '\n');
	return sys_replace(sys, PATH, buf_str(&text), text.len, &attr, e);
}

static int load(const struct sys *sys, struct arena *a, struct resume *ret, bool *ret_there,
		struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 10);

	*ret = (struct resume){ 0 };
	if (sys_read_if(sys, PATH, &text, ret_there, e))
		return -1;
	return *ret_there ? rec_read(buf_str(&text), text.len, PATH, rows, ret, a, e) : 0;
}

int resume_wait(const struct sys *sys, long long run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct resume r;
	struct sys_ident id;
	bool there;

	/* Whatever waits again has had the boots it had. */
	if (load(sys, &a, &r, &there, e) || sys_ident(sys, &id, e))
		return -1;
	r.run = run;
	r.boot = id.boot_id;
	return save(sys, &r, e) ? err_ctx(e, "noting what waits for the next boot") : 0;
}

int resume_clear(const struct sys *sys, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, PATH, &st, e))
		return -1;
	return st.type == SYS_ABSENT ? 0 : sys_remove(sys, PATH, e);
}

static int give_up(const struct sys *sys, const struct resume *r, struct err *e)
{
	if (resume_clear(sys, e))
		return -1;
	err_set(e, GP_BOOT_LOOP, "run %lld was gone on with after %lld boots and did not end",
		r->run, r->boots - 1);
	err_way(e, "gpuprov status tells where it stands; gpuprov apply --resume tries once more");
	err_way(e, "gpuprov rollback puts everything back");
	return -1;
}

int resume_begin(const struct sys *sys, struct arena *a, struct resume *ret, bool *ret_there,
		 bool *ret_booted, struct err *e)
{
	struct sys_ident id;

	*ret_booted = false;
	if (load(sys, a, ret, ret_there, e))
		return -1;
	if (!*ret_there)
		return 0;
	if (sys_ident(sys, &id, e))
		return -1;
	*ret_booted = !str_eq(ret->boot, id.boot_id);
	if (!*ret_booted)
		return 0;
	ret->boots++;
	if (ret->boots > RESUME_BOOTS)
		return give_up(sys, ret, e);
	return save(sys, ret, e);
}
