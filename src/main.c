/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov: find the command, parse its options, run it, report its error. */
#include "base/str.h"
#include "commands/common.h"

#include "gen/commands.inc"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const struct options *o, struct err *e)
{
	struct style style = terminal_style(o, stderr);
	auto_buf struct buf text = BUF_TEXT;
	enum status status = code_status(e->code);

	render_err(e, &style, &text);
	fputs(buf_str(&text), stderr);
	err_drop(e);
	return (int)status;
}

static int print_help(const struct command *c, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;

	options_help(c, &text);
	return print(&text, e) ? -1 : STATUS_OK;
}

static int print_version(struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;

	buf_adds(&text, "gpuprov " VERSION "\n");
	return print(&text, e) ? -1 : STATUS_OK;
}

static int dispatch(const struct command *c, int argc, char **argv, struct arena *a,
		    struct options *o, struct err *e)
{
	if (options_parse(c, argc, argv, a, o, e))
		return -1;
	if (opt_given(o, OPT_HELP))
		return print_help(c, e);
	return c->run(o, e);
}

static int start(int argc, char **argv, struct arena *a, struct options *o, struct err *e)
{
	static const char *const own[] = { "--help", "--version", NULL };
	const struct command *c;

	if (argc < 2) {
		auto_buf struct buf text = BUF_TEXT;

		options_help(NULL, &text);
		fputs(buf_str(&text), stderr);
		return STATUS_USAGE;
	}
	if (str_eq(argv[1], "--help"))
		return print_help(NULL, e);
	if (str_eq(argv[1], "--version"))
		return print_version(e);
	c = command_find(argv[1]);
	if (!c && str_nearest(argv[1], own))
		return err_set(e, GP_UNKNOWN_OPTION, "there is no option %s; did you mean %s?",
			       argv[1], str_nearest(argv[1], own));
	if (!c && argv[1][0] == '-')
		return err_set(e, GP_UNKNOWN_OPTION,
			       "'%s' comes after a command; see gpuprov --help", argv[1]);
	if (!c)
		return command_unknown(argv[1], e);
	return dispatch(c, argc - 2, argv + 2, a, o, e);
}

/*
 * A descriptor that is closed would be taken by the next file we open, and printed into. Writing to
 * these still fails, as it should.
 */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = { 0 };
	struct options o = { 0 };
	struct err e = { 0 };
	int status;

	umask(022);
	fill_standard();
	status = start(argc, argv, &a, &o, &e);
	return status < 0 ? fail(o.a ? &o : NULL, &e) : status;
}
