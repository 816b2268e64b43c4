/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as one table: commands (their drop-ins) and options. It feeds the parser,
 * --help, the completions and the option lists of the man pages.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

enum option {
	OPT_ROOT,
	OPT_FACTS,
	OPT_BUNDLE,
	OPT_GPU,
	OPT_JSON,
	OPT_FORMAT,
	OPT_KIND,
	OPT_JSON_SCHEMA,
	OPT_MAN,
	OPT_DETAILED_EXITCODE,
	OPT_OUT,
	OPT_REPORT,
	OPT_YES,
	OPT_RESUME,
	OPT_REFRESH,
	OPT_OFFLINE,
	OPT_CACHE,
	OPT_NO_APT,
	OPT_DEB,
	OPT_SHA256,
	OPT_PLATFORM,
	OPT_GZIP,
	OPT_CATALOG,
	OPT_EXPLAIN,
	OPT_CUDA,
	OPT_DRIVER,
	OPT_MATRIX,
	OPT_CONFIG,
	OPT_RUNTIME_NAME,
	OPT_RUNTIME_PATH,
	OPT_DEFAULT,
	OPT_CDI,
	OPT_REMOVE,
	OPT_REPLACE,
	OPT_DIFF,
	OPT_ENGINE_VERSION,
	OPT_TIMING,
	OPT_ERROR,
	OPT_FIX,
	OPT_RUN,
	OPT_PYTORCH,
	OPT_COLOR,
	OPT_HELP,
	OPT_COUNT,
};

struct option_row {
	enum option option;
	const char *name;         /* without the dashes */
	const char *arg;          /* placeholder of its argument; NULL = a switch */
	const char *const *words; /* allowed arguments, NULL-terminated; NULL = any */
	bool many;                /* may be given several times */
	const char *help;         /* one line; NULL = for our own benches, not shown */
};

extern const struct option_row option_table[OPT_COUNT];

struct options {
	strs values[OPT_COUNT]; /* a switch that is given has one value, "" */
	strs args;              /* what is left */
	const struct command *command;
	struct arena *a;
};

bool opt_given(const struct options *o, enum option option);
const char *opt_value(const struct options *o, enum option option); /* the last one, or NULL */

/* The word of --format; --json is short for --format json, and "text" is what it is without. */
const char *opt_format(const struct options *o);
bool opt_wants(const struct options *o, const char *format);

/* A subcommand. commands/NAME.c exports `const struct command command_NAME`. */
struct command {
	const char *name;
	const char *args;           /* "PROFILE", "[COMMAND]", "" */
	unsigned min, max;          /* how many arguments */
	const char *summary;        /* one line */
	const char *about;          /* paragraphs for its help */
	const enum option *options; /* ends with OPT_COUNT; OPT_HELP is always there */
	const char *const *formats; /* what --format takes, where it is among the options */
	const char *const *words;   /* what an argument can be, where that is a fixed set */
	int (*run)(const struct options *o, struct err *e);
};

extern const struct command *const command_table[]; /* ends with NULL */
const struct command *command_find(const char *name);
/* "there is no command 'plann'; did you mean 'plan'?" */
int command_unknown(const char *typed, struct err *e);

/* Whether a command takes an option, and the words that an option takes there (NULL = any). */
bool command_takes(const struct command *c, enum option option);
const char *const *option_words(const struct command *c, const struct option_row *row);

/*
 * Parse what follows the command's name. Long options only, by their exact names; "--" ends them.
 * Errors are one line, with the nearest name when something was mistyped.
 */
int options_parse(const struct command *c, int argc, char **argv, struct arena *a,
		  struct options *ret, struct err *e);

/* The one line about an option of a command; only for those that have one. */
void option_help(const struct command *c, const struct option_row *row, struct buf *ret);

/* Help of one command, or of the program when c is NULL; at most 80 columns. */
void options_help(const struct command *c, struct buf *ret);
