/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov completion: what a shell needs to complete command lines, from the table of options. */
#include "base/str.h"
#include "commands/common.h"
#include "why.h"

#include <string.h>

/* What can stand in a place: files, folders, words, or anything. */
enum place { PLACE_ANY, PLACE_FILE, PLACE_DIR, PLACE_WORDS };

static enum place place_of(const struct command *c, const struct option_row *row)
{
	if (option_words(c, row))
		return PLACE_WORDS;
	if (str_eq(row->arg, "FILE"))
		return PLACE_FILE;
	return str_eq(row->arg, "DIR") ? PLACE_DIR : PLACE_ANY;
}

static bool shown(const struct command *c, const struct option_row *row)
{
	return command_takes(c, row->option) && row->help;
}

static void add_words(const char *const *words, struct buf *ret)
{
	for (size_t i = 0; words && words[i]; i++)
		buf_addf(ret, "%s%s", i ? " " : "", words[i]);
}

static void add_commands(struct buf *ret)
{
	for (const struct command *const *c = command_table; *c; c++)
		buf_addf(ret, "%s%s", c == command_table ? "" : " ", (*c)->name);
}

/* The words that can be an argument of a command; nothing when it takes files, or none. */
static void add_argument_words(const struct command *c, struct buf *ret)
{
	if (strstr(c->args, "COMMAND")) {
		add_commands(ret);
		buf_adds(ret, " profile");
	} else if (strstr(c->args, "CODE")) {
		for (enum code code = GP_NONE; (code = why_next(code)) != GP_NONE;)
			buf_addf(ret, "GP%04u ", (unsigned)code);
	} else {
		add_words(c->words, ret);
	}
}

static bool takes_files(const struct command *c)
{
	/* Codes come first, and are more than file names can be told from. */
	return !strstr(c->args, "CODE") && (strstr(c->args, "PROFILE") || strstr(c->args, "FILE"));
}

/* In single quotes; `more` are characters that a backslash goes before. */
static void add_quoted(const char *text, const char *more, struct buf *ret)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_adds(ret, "'\\''");
		else if (strchr(more, *text))
			buf_addf(ret, "\\%c", *text);
		else
			buf_addc(ret, *text);
	}
}

/* ---- bash ---- */

static void bash_value(const struct command *c, const struct option_row *row, struct buf *ret)
{
	buf_addf(ret, "\t%s\\ --%s)\n\t\t", c->name, row->name);
	switch (place_of(c, row)) {
	case PLACE_FILE:
		buf_adds(ret, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
		break;
	case PLACE_DIR:
		buf_adds(ret, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
		break;
	case PLACE_WORDS:
		buf_adds(ret, "COMPREPLY=($(compgen -W '");
		add_words(option_words(c, row), ret);
		buf_adds(ret, "' -- \"$cur\"))");
		break;
	case PLACE_ANY:
		buf_addc(ret, ':');
		break;
	}
	buf_adds(ret, "\n\t\treturn ;;\n");
}

static void bash_values(const struct command *c, struct buf *ret)
{
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (shown(c, &option_table[i]) && option_table[i].arg)
			bash_value(c, &option_table[i], ret);
}

static void bash_command(const struct command *c, struct buf *ret)
{
	buf_addf(ret, "\t%s)\n\t\toptions='", c->name);
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (shown(c, &option_table[i]))
			buf_addf(ret, "--%s ", option_table[i].name);
	buf_adds(ret, "'\n\t\twords='");
	add_argument_words(c, ret);
	buf_addf(ret, "'\n\t\tfiles=%s ;;\n", takes_files(c) ? "yes" : "");
}

static void bash(struct buf *ret)
{
	buf_adds(ret, "# bash completion of gpuprov; made by 'gpuprov completion bash'.\n"
		      "_gpuprov()\n{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		      "\tlocal command=${COMP_WORDS[1]} options words files\n"
		      "\tCOMPREPLY=()\n"
		      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		      "\t\tCOMPREPLY=($(compgen -W '--help --version ");
	add_commands(ret);
	buf_adds(ret, "' -- \"$cur\"))\n\t\treturn\n\tfi\n"
		      "\t# bash takes the = of --option=value for a word of its own.\n"
		      "\tif [ \"$prev\" = = ]; then\n"
		      "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
		      "\telif [ \"$cur\" = = ]; then\n"
		      "\t\tcur=\n"
		      "\tfi\n"
		      "\tcase \"$command $prev\" in\n");
	for (const struct command *const *c = command_table; *c; c++)
		bash_values(*c, ret);
	buf_adds(ret, "\tesac\n\tcase $command in\n");
	for (const struct command *const *c = command_table; *c; c++)
		bash_command(*c, ret);
	buf_adds(ret, "\t*) return ;;\n\tesac\n"
		      "\tif [ \"${cur#-}\" != \"$cur\" ]; then\n"
		      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
		      "\telif [ \"$files\" ]; then\n"
		      "\t\tcompopt -o filenames\n"
		      "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		      "\telse\n"
		      "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		      "\tfi\n}\n"
		      "complete -F _gpuprov gpuprov\n");
}

/* ---- zsh ---- */

static const char zsh_special[] = "[]:\\";

static void zsh_option(const struct command *c, const struct option_row *row, struct buf *ret)
{
	auto_buf struct buf help = BUF_TEXT;

	option_help(c, row, &help);
	buf_addf(ret, "\t\t\t'%s--%s%s[", row->many ? "*" : "", row->name, row->arg ? "=" : "");
	add_quoted(buf_str(&help), zsh_special, ret);
	buf_addc(ret, ']');
	if (row->arg) {
		buf_addf(ret, ":%s:", row->arg);
		switch (place_of(c, row)) {
		case PLACE_FILE:
			buf_adds(ret, "_files");
			break;
		case PLACE_DIR:
			buf_adds(ret, "_files -/");
			break;
		case PLACE_WORDS:
			buf_addc(ret, '(');
			add_words(option_words(c, row), ret);
			buf_addc(ret, ')');
			break;
		case PLACE_ANY:
			break;
		}
	}
	buf_adds(ret, "' \\\n");
}

static void zsh_command(const struct command *c, struct buf *ret)
{
	auto_buf struct buf words = BUF_TEXT;

	add_argument_words(c, &words);
	buf_addf(ret, "\t\t%s)\n\t\t\t_arguments \\\n", c->name);
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (shown(c, &option_table[i]))
			zsh_option(c, &option_table[i], ret);
	if (takes_files(c))
		buf_adds(ret, "\t\t\t'*:file:_files' ;;\n");
	else if (words.len)
		buf_addf(ret, "\t\t\t'*:word:(%s)' ;;\n", buf_str(&words));
	else
		buf_adds(ret, "\t\t\t'*:: :' ;;\n");
}

static void zsh(struct buf *ret)
{
	buf_adds(ret, "#compdef gpuprov\n"
		      "# zsh completion of gpuprov; made by 'gpuprov completion zsh'.\n"
		      "_gpuprov()\n{\n"
		      "\tlocal curcontext=$curcontext state line\n"
		      "\ttypeset -A opt_args\n"
		      "\t_arguments -C '1:command:->command' '*::argument:->argument'\n"
		      "\tcase $state in\n"
		      "\tcommand)\n"
		      "\t\tlocal -a commands\n"
		      "\t\tcommands=(\n");
	for (const struct command *const *c = command_table; *c; c++) {
		buf_addf(ret, "\t\t\t'%s:", (*c)->name);
		add_quoted((*c)->summary, ":\\", ret);
		buf_adds(ret, "'\n");
	}
	buf_adds(ret, "\t\t)\n\t\t_describe command commands ;;\n"
		      "\targument)\n"
		      "\t\tcase $words[1] in\n");
	for (const struct command *const *c = command_table; *c; c++)
		zsh_command(*c, ret);
	buf_adds(ret, "\t\tesac ;;\n\tesac\n}\n"
		      "if [ \"$funcstack[1]\" = _gpuprov ]; then\n"
		      "\t_gpuprov \"$@\"\n"
		      "else\n"
		      "\tcompdef _gpuprov gpuprov\n"
		      "fi\n");
}

/* ---- fish ---- */

static void fish_option(const struct command *c, const struct option_row *row, struct buf *ret)
{
	auto_buf struct buf help = BUF_TEXT;

	option_help(c, row, &help);
	buf_addf(ret, "complete -c gpuprov -n '__fish_seen_subcommand_from %s' -l %s", c->name,
		 row->name);
	if (row->arg) {
		switch (place_of(c, row)) {
		case PLACE_FILE:
			buf_adds(ret, " -r -F");
			break;
		case PLACE_DIR:
			buf_adds(ret, " -x -a '(__fish_complete_directories)'");
			break;
		case PLACE_WORDS:
			buf_adds(ret, " -x -a '");
			add_words(option_words(c, row), ret);
			buf_addc(ret, '\'');
			break;
		case PLACE_ANY:
			buf_adds(ret, " -x");
			break;
		}
	}
	buf_adds(ret, " -d '");
	/* fish knows \' inside single quotes, and nothing like '\''. */
	for (const char *s = buf_str(&help); *s; s++)
		buf_addf(ret, "%s%c", *s == '\'' || *s == '\\' ? "\\" : "", *s);
	buf_adds(ret, "'\n");
}

static void fish_command(const struct command *c, struct buf *ret)
{
	auto_buf struct buf words = BUF_TEXT;

	add_argument_words(c, &words);
	buf_addf(ret, "complete -c gpuprov -n __fish_use_subcommand -a %s -d '%s'\n", c->name,
		 c->summary);
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (shown(c, &option_table[i]))
			fish_option(c, &option_table[i], ret);
	if (takes_files(c))
		buf_addf(ret, "complete -c gpuprov -n '__fish_seen_subcommand_from %s' -F\n",
			 c->name);
	else if (words.len)
		buf_addf(ret, "complete -c gpuprov -n '__fish_seen_subcommand_from %s' -a '%s'\n",
			 c->name, buf_str(&words));
}

static void fish(struct buf *ret)
{
	buf_adds(ret, "# fish completion of gpuprov; made by 'gpuprov completion fish'.\n"
		      "complete -c gpuprov -f\n");
	for (const struct command *const *c = command_table; *c; c++)
		fish_command(*c, ret);
}

static int run(const struct options *o, struct err *e)
{
	static const struct {
		const char *name;
		void (*make)(struct buf *ret);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	auto_buf struct buf text = BUF_TEXT;

	for (unsigned i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (str_eq(o->args.at[0], shells[i].name))
			shells[i].make(&text);
	if (!text.len)
		return err_set(e, GP_USAGE, "there is no completion for '%s'; bash, zsh, fish",
			       o->args.at[0]);
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_completion = {
	.name = "completion",
	.args = "SHELL",
	.min = 1,
	.max = 1,
	.summary = "print what a shell needs to complete command lines",
	.about = "Prints the completion for bash, zsh or fish.\n"
		 "\n"
		 "  source <(gpuprov completion bash)\n"
		 "  gpuprov completion zsh >~/.zsh/completions/_gpuprov\n"
		 "  gpuprov completion fish >~/.config/fish/completions/gpuprov.fish\n",
	.options = (const enum option[]){ OPT_COUNT },
	.words = (const char *const[]){ "bash", "zsh", "fish", NULL },
	.run = run,
};
