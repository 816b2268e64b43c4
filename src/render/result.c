/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is told about a host. */
#include "render/result.h"

static const char *const state_words[] = {
	"planned", "done", "failed", "waiting", "skipped", NULL
};

static const struct rec_row action_rows[] = {
	REC_ROW(struct result_action, id, REC_STR, "id of the step"),
	REC_ROW(struct result_action, kind, REC_STR, "kind of step"),
	REC_ROW(struct result_action, op, REC_STR, "add, change, replace or remove"),
	REC_ROW(struct result_action, what, REC_STR, "what is changed"),
	REC_ROW(struct result_action, reason, REC_STR, "why"),
	{ .name = "state",
	  .type = REC_WORD,
	  .offset = offsetof(struct result_action, state),
	  .words = state_words,
	  .help = "how it ended" },
	REC_ROW(struct result_action, ms, REC_INT, "milliseconds it took"),
	REC_END,
};

static const struct rec_row diff_rows[] = {
	REC_ROW(struct result_diff, before, REC_STR, "text before"),
	REC_ROW(struct result_diff, after, REC_STR, "text after"),
	REC_ROW(struct result_diff, before_header, REC_STR, "what the text before is of"),
	REC_ROW(struct result_diff, after_header, REC_STR, "what the text after is of"),
	REC_END,
};

void result_write(struct jw *j, const struct result *r)
{
	jw_put_str(j, "schema", r->schema);
	jw_put_bool(j, "changed", r->changed);
	jw_put_bool(j, "failed", r->failed);
	jw_put_str(j, "msg", r->msg);
	jw_put_int(j, "rc", r->rc);
	jw_put_bool(j, "reboot_required", r->reboot_required);
	jw_put_str(j, "plan_id", r->plan_id);
	jw_key(j, "actions");
	jw_open(j, '[');
	list_each (&r->actions, it)
		rec_write(j, action_rows, it);
	jw_close(j, ']');
	jw_key(j, "diagnostics");
	jw_open(j, '[');
	list_each (&r->diagnostics, it)
		rec_write(j, diag_rows, it);
	jw_close(j, ']');
	jw_key(j, "diff");
	jw_open(j, '[');
	list_each (&r->diff, it)
		rec_write(j, diff_rows, it);
	jw_close(j, ']');
}

/* What stands beside changed and comment becomes Salt's `changes`, so there is nothing without one.
 */
void result_write_salt(const struct result *r, struct buf *ret)
{
	struct jw j = { .out = ret, .compact = true };

	jw_open(&j, '{');
	jw_put_bool(&j, "changed", r->changed);
	jw_put_str(&j, "comment", r->msg);
	if (r->changed) {
		jw_put_str(&j, "plan_id", r->plan_id);
		jw_put_bool(&j, "reboot_required", r->reboot_required);
		jw_key(&j, "actions");
		jw_open(&j, '[');
		list_each (&r->actions, it)
			jw_str(&j, it->id);
		jw_close(&j, ']');
	}
	jw_close(&j, '}');
	buf_addc(ret, '\n');
}
