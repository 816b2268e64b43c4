/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov help: of the program, of a command, of the profile language. */
#include "base/str.h"
#include "commands/common.h"
#include "manpage.h"
#include "profile/schema.h"

/* Where a key is not for every kind of host. */
static void help_kinds(const struct schema_row *row, struct buf *b)
{
	const char *comma = "";
	bool all = true;

	for (unsigned i = 0; schema_kinds[i]; i++)
		all &= (row->kinds >> i) & 1;
	if (all)
		return;
	buf_adds(b, "    kind: ");
	for (unsigned i = 0; schema_kinds[i]; i++) {
		if (!((row->kinds >> i) & 1))
			continue;
		buf_addf(b, "%s%s", comma, schema_kinds[i]);
		comma = ", ";
	}
	buf_addc(b, '\n');
}

static void help_profile(struct buf *b)
{
	const struct style page = { .width = 80 };

	buf_adds(b, "The keys of a profile:\n");
	for (const struct schema_row *row = schema_table; row->path; row++) {
		buf_addf(b, "\n%s%s\n    ", row->path, row->required ? " (required)" : "");
		render_wrapped(row->help, 4, 4, &page, b);
		help_kinds(row, b);
		if (!row->words && row->type != SCHEMA_MAP) {
			buf_addf(b, "    takes: %s\n", schema_type_help(row->type));
		} else if (row->words) {
			buf_adds(b, "    one of:");
			for (const char *const *w = row->words; *w; w++)
				buf_addf(b, " %s", *w);
			buf_addc(b, '\n');
		}
		if (row->fallback)
			buf_addf(b, "    default: %s\n", row->fallback);
	}
}

/* What a topic is shown as; the manual pages are for the build. */
static void show(const struct options *o, bool profile, const struct command *c, struct buf *b)
{
	if (opt_given(o, OPT_JSON_SCHEMA))
		schema_json(b);
	else if (opt_given(o, OPT_MAN) && profile)
		manpage_profile(b);
	else if (opt_given(o, OPT_MAN))
		manpage_command(c, b);
	else if (profile)
		help_profile(b);
	else
		options_help(c, b);
}

static int run(const struct options *o, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;
	const char *topic = o->args.n ? o->args.at[0] : NULL;
	const struct command *c = topic ? command_find(topic) : NULL;
	bool profile = str_eq(topic, "profile");

	if (topic && !profile && !c && str_nearest(topic, (const char *const[]){ "profile", NULL }))
		return err_set(e, GP_UNKNOWN_COMMAND,
			       "there is no command '%s'; did you mean 'profile'?", topic);
	if (topic && !profile && !c)
		return command_unknown(topic, e);
	if (opt_given(o, OPT_JSON_SCHEMA) && !profile)
		return err_set(e, GP_USAGE,
			       "--json-schema is for profiles: gpuprov help profile --json-schema");
	show(o, profile, c, &text);
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_help = {
	.name = "help",
	.args = "[COMMAND|profile]",
	.min = 0,
	.max = 1,
	.summary = "show help: of a command, or of all keys of a profile",
	.about = "Shows the help of a command, or with 'profile' all keys a profile can have.\n"
		 "\n"
		 "The JSON Schema lets an editor complete and check profiles.\n",
	.options = (const enum option[]){ OPT_JSON_SCHEMA, OPT_MAN, OPT_COUNT },
	.run = run,
};
