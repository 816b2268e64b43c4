/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: parsing and help. */
#include "options.h"

#include "base/str.h"
#include "render/render.h"

#include <string.h>

static const char *const kind_words[] = { "bare-metal", "docker", "k8s", NULL };
static const char *const platform_words[] = { "ec2", "gce", "openstack", "nocloud", NULL };
static const char *const colour_words[] = { "auto", "always", "never", NULL };

const struct option_row option_table[OPT_COUNT] = {
	[OPT_ROOT] = { OPT_ROOT, "root", "DIR", NULL, false,
		       "work on the unpacked system in DIR instead of /" },
	[OPT_FACTS] = { OPT_FACTS, "facts", "FILE", NULL, true,
			"take the host's facts from FILE (made by 'gpuprov facts --json')" },
	[OPT_BUNDLE] = { OPT_BUNDLE, "bundle", "OUT.tar.zst", NULL, false,
			 "collect what somebody who helps from afar needs, without secrets" },
	[OPT_GPU] = { OPT_GPU, "gpu", "NAME|PCI-ID", NULL, true,
		      "provision for this GPU; may be given several times" },
	[OPT_JSON] = { OPT_JSON, "json", NULL, NULL, false, "print JSON instead of text" },
	[OPT_FORMAT] = { OPT_FORMAT, "format", "FORMAT", NULL, false, "what to print" },
	[OPT_KIND] = { OPT_KIND, "kind", "KIND", kind_words, false,
		       "bare-metal, docker or k8s; left out: as the engines that are there say" },
	[OPT_JSON_SCHEMA] = { OPT_JSON_SCHEMA, "json-schema", NULL, NULL, false,
			      "print the profile language as a JSON Schema, for editors" },
	[OPT_MAN] = { OPT_MAN, "man", NULL, NULL, false, NULL },
	[OPT_DETAILED_EXITCODE] = { OPT_DETAILED_EXITCODE, "detailed-exitcode", NULL, NULL, false,
				    "exit with 2 when there is something to do" },
	[OPT_OUT] = { OPT_OUT, "out", "FILE", NULL, false,
		      "save the plan to FILE, for 'gpuprov apply FILE'" },
	[OPT_REPORT] = { OPT_REPORT, "report", "FILE", NULL, false,
			 "also write the plan as JSON to FILE, whole or not at all" },
	[OPT_RESUME] = { OPT_RESUME, "resume", NULL, NULL, false,
			 "go on with the run that did not come to its end, by its own plan" },
	[OPT_YES] = { OPT_YES, "yes", NULL, NULL, false, "do not ask for confirmation" },
	[OPT_REFRESH] = { OPT_REFRESH, "refresh", NULL, NULL, false,
			  "fetch the package indexes even if recent ones are at hand" },
	[OPT_OFFLINE] = { OPT_OFFLINE, "offline", NULL, NULL, false,
			  "use the package indexes at hand, whatever their age" },
	[OPT_CACHE] = { OPT_CACHE, "cache", "DIR", NULL, false,
			"keep private package indexes in DIR" },
	[OPT_NO_APT] = { OPT_NO_APT, "no-apt", NULL, NULL, false,
			 "do not ask apt what it would install: faster, and 'candidates' are "
			 "unknown" },
	[OPT_DEB] = { OPT_DEB, "deb", "URL|PATH", NULL, false,
		      "where the new host gets gpuprov's package; left out: it has gpuprov" },
	[OPT_SHA256] = { OPT_SHA256, "sha256", "HEX", NULL, false,
			 "SHA-256 that the package from --deb must have" },
	[OPT_PLATFORM] = { OPT_PLATFORM, "platform", "NAME", platform_words, false,
			   "refuse user data that this cloud would not take" },
	[OPT_GZIP] = { OPT_GZIP, "gzip", NULL, NULL, false,
		       "compress the user data: cloud-init unpacks it" },
	[OPT_CATALOG] = { OPT_CATALOG, "catalog", "FILE", NULL, false,
			  "use the catalog in FILE instead of the one built in" },
	[OPT_EXPLAIN] = { OPT_EXPLAIN, "explain", NULL, NULL, false,
			  "also show which drivers were looked at, and what spoke against them" },
	[OPT_CUDA] = { OPT_CUDA, "cuda", "VERSION", NULL, false, "what this CUDA version needs" },
	[OPT_DRIVER] = { OPT_DRIVER, "driver", "VERSION", NULL, false,
			 "what this driver version or branch supports" },
	[OPT_MATRIX] = { OPT_MATRIX, "matrix", NULL, NULL, false,
			 "all driver branches by all CUDA versions" },
	[OPT_CONFIG] = { OPT_CONFIG, "config", "FILE", NULL, false,
			 "the file that the daemon reads; left out: it is found" },
	[OPT_RUNTIME_NAME] = { OPT_RUNTIME_NAME, "runtime-name", "NAME", NULL, false,
			       "name of the runtime; left out: nvidia" },
	[OPT_RUNTIME_PATH] = { OPT_RUNTIME_PATH, "runtime-path", "FILE", NULL, false,
			       "its program; left out: /usr/bin/nvidia-container-runtime" },
	[OPT_DEFAULT] = { OPT_DEFAULT, "default", NULL, NULL, false,
			  "make it the default runtime" },
	[OPT_CDI] = { OPT_CDI, "cdi", NULL, NULL, false,
		      "enable CDI, where the version has it and does not by itself" },
	[OPT_REMOVE] = { OPT_REMOVE, "remove", NULL, NULL, false, "take the runtime out again" },
	[OPT_REPLACE] = { OPT_REPLACE, "replace", NULL, NULL, false,
			  "overwrite settings that contradict ours" },
	[OPT_DIFF] = { OPT_DIFF, "diff", NULL, NULL, false,
		       "print the change as a unified diff and write nothing" },
	[OPT_ENGINE_VERSION] = { OPT_ENGINE_VERSION, "engine-version", "VERSION", NULL, false,
				 "version of the engine; left out: that of the one found" },
	[OPT_TIMING] = { OPT_TIMING, "timing", NULL, NULL, false, NULL },
	[OPT_ERROR] = { OPT_ERROR, "error", "TEXT", NULL, false,
			"explain this message instead of looking at the host" },
	[OPT_FIX] = { OPT_FIX, "fix", NULL, NULL, false,
		      "show the plan that mends what was found, ask, and carry it out" },
	[OPT_RUN] = { OPT_RUN, "run", NULL, NULL, false,
		      "also run a CUDA kernel on every GPU and check its result" },
	[OPT_PYTORCH] = { OPT_PYTORCH, "pytorch", "PYTHON", NULL, false,
			  "also ask PyTorch of this Python (an absolute path)" },
	[OPT_COLOR] = { OPT_COLOR, "color", "WHEN", colour_words, false,
			"auto, always or never; auto = on a terminal" },
	[OPT_HELP] = { OPT_HELP, "help", NULL, NULL, false, "show this help" },
};

bool opt_given(const struct options *o, enum option option)
{
	return o->values[option].n > 0;
}

const char *opt_value(const struct options *o, enum option option)
{
	const strs *v = &o->values[option];

	return v->n ? v->at[v->n - 1] : NULL;
}

const char *opt_format(const struct options *o)
{
	const char *format = opt_value(o, OPT_FORMAT);

	return format ? format : opt_given(o, OPT_JSON) ? "json" : "text";
}

bool opt_wants(const struct options *o, const char *format)
{
	return str_eq(opt_format(o), format);
}

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = command_table; *c; c++)
		if (str_eq((*c)->name, name))
			return *c;
	return NULL;
}

int command_unknown(const char *typed, struct err *e)
{
	const char *best = NULL;
	unsigned best_distance = 99;

	for (const struct command *const *c = command_table; *c; c++) {
		unsigned distance = 0;

		if (str_meant(typed, (*c)->name, &distance) && distance < best_distance) {
			best = (*c)->name;
			best_distance = distance;
		}
	}
	if (best)
		return err_set(e, GP_UNKNOWN_COMMAND,
			       "there is no command '%s'; did you mean '%s'?", typed, best);
	return err_set(e, GP_UNKNOWN_COMMAND, "there is no command '%s'; see gpuprov help", typed);
}

const char *const *option_words(const struct command *c, const struct option_row *row)
{
	return row->option == OPT_FORMAT ? c->formats : row->words;
}

bool command_takes(const struct command *c, enum option option)
{
	if (option == OPT_HELP || option == OPT_COLOR)
		return true;
	for (const enum option *o = c->options; *o != OPT_COUNT; o++)
		if (*o == option)
			return true;
	return false;
}

static int unknown_option(const struct command *c, const char *typed, size_t n, struct arena *a,
			  struct err *e)
{
	const char *name = arena_strn(a, typed, n), *best = NULL;
	unsigned best_distance = 99;

	for (unsigned i = 0; i < OPT_COUNT; i++) {
		unsigned distance = 0;

		if (command_takes(c, (enum option)i) && option_table[i].help &&
		    str_meant(name, option_table[i].name, &distance) && distance < best_distance) {
			best = option_table[i].name;
			best_distance = distance;
		}
	}
	if (best)
		return err_set(e, GP_UNKNOWN_OPTION, "'%s' has no option --%s; did you mean --%s?",
			       c->name, name, best);
	return err_set(e, GP_UNKNOWN_OPTION, "'%s' has no option --%s; see gpuprov %s --help",
		       c->name, name, c->name);
}

static void add_words(const char *const *words, struct buf *ret)
{
	for (size_t i = 0; words[i]; i++)
		buf_addf(ret, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static int check_word(const struct command *c, const struct option_row *row, const char *value,
		      struct err *e)
{
	const char *const *words = option_words(c, row);
	auto_buf struct buf all = BUF_TEXT;
	const char *meant;

	for (const char *const *w = words; w && *w; w++)
		if (str_eq(*w, value))
			return 0;
	if (!words)
		return 0;
	add_words(words, &all);
	meant = str_nearest(value, words);
	return err_set(e, GP_USAGE, "--%s takes %s; '%s' is none of them%s%s%s", row->name,
		       buf_str(&all), value, meant ? "; did you mean '" : "", meant ? meant : "",
		       meant ? "'?" : "");
}

/* The first argument, where it is one of some words: what else it is the command itself tells. */
static int check_argument(const struct command *c, const char *arg, struct err *e)
{
	const char *meant;

	for (const char *const *w = c->words; w && *w; w++)
		if (str_eq(*w, arg))
			return 0;
	meant = c->words ? str_nearest(arg, c->words) : NULL;
	if (!meant)
		return 0;
	return err_set(e, GP_USAGE, "'%s' knows no '%s'; did you mean '%s'?", c->name, arg, meant);
}

/* One option; *used says how many words of argv it took. */
static int take_option(const struct command *c, char **argv, int left, struct options *ret,
		       int *used, struct err *e)
{
	const char *name = argv[0] + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] ? name + n + 1 : NULL;

	*used = 1;
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_table[i];

		/* getopt_long would take any unambiguous beginning: a trap for scripts. */
		if (strlen(row->name) != n || strncmp(row->name, name, n) != 0 ||
		    !command_takes(c, row->option))
			continue;
		if (!row->arg && value)
			return err_set(e, GP_USAGE, "--%s takes no value", row->name);
		if (row->arg && !value) {
			if (left < 2)
				return err_set(e, GP_USAGE, "--%s needs a value: %s", row->name,
					       row->arg);
			value = argv[1];
			*used = 2;
		}
		if (ret->values[i].n && !row->many)
			return err_set(e, GP_USAGE, "--%s is given twice", row->name);
		if (row->arg && check_word(c, row, value, e))
			return -1;
		list_add(ret->a, &ret->values[i], value ? value : "");
		return 0;
	}
	return unknown_option(c, name, n, ret->a, e);
}

static int check_count(const struct command *c, const struct options *o, struct err *e)
{
	if (opt_given(o, OPT_HELP))
		return 0;
	if (o->args.n < c->min)
		return err_set(e, GP_USAGE, "'%s' needs %s; see gpuprov %s --help", c->name,
			       c->args, c->name);
	if (o->args.n > c->max)
		return err_set(e, GP_USAGE, "'%s' does not take '%s'; see gpuprov %s --help",
			       c->name, o->args.at[c->max], c->name);
	if (o->args.n && check_argument(c, o->args.at[0], e))
		return -1;
	if (opt_given(o, OPT_JSON) && !opt_wants(o, "json"))
		return err_set(e, GP_USAGE, "--json and --format %s contradict each other",
			       opt_format(o));
	return 0;
}

int options_parse(const struct command *c, int argc, char **argv, struct arena *a,
		  struct options *ret, struct err *e)
{
	bool only_args = false;

	*ret = (struct options){ .command = c, .a = a };
	for (int i = 0; i < argc;) {
		int used = 1;

		if (only_args || argv[i][0] != '-' || str_eq(argv[i], "-")) {
			list_add(a, &ret->args, argv[i]);
		} else if (str_eq(argv[i], "--")) {
			only_args = true;
		} else if (argv[i][1] != '-') {
			return err_set(e, GP_UNKNOWN_OPTION,
				       "'%s' is no option: options are words, like --help",
				       argv[i]);
		} else if (take_option(c, argv + i, argc - i, ret, &used, e)) {
			return -1;
		}
		i += used;
	}
	return check_count(c, ret, e);
}

/* ---- help ---- */

static const struct style page = { .width = 80 };

void option_help(const struct command *c, const struct option_row *row, struct buf *ret)
{
	buf_adds(ret, row->help);
	if (row->option == OPT_FORMAT) {
		buf_adds(ret, ": ");
		add_words(c->formats, ret);
	}
}

static void help_option(const struct command *c, const struct option_row *row, struct buf *ret)
{
	auto_buf struct buf head = BUF_TEXT, text = BUF_TEXT;
	enum { COLUMN = 26 };

	buf_addf(&head, "  --%s%s%s", row->name, row->arg ? " " : "", row->arg ? row->arg : "");
	buf_adds(ret, buf_str(&head));
	if (head.len + 2 > COLUMN) {
		buf_addc(ret, '\n');
		buf_pad(ret, ' ', COLUMN);
	} else {
		buf_pad(ret, ' ', COLUMN - head.len);
	}
	option_help(c, row, &text);
	render_wrapped(buf_str(&text), COLUMN, COLUMN, &page, ret);
}

static void help_command(const struct command *c, struct buf *ret)
{
	struct piece rest = PIECE(c->about), line;

	buf_addf(ret, "Usage: gpuprov %s [OPTION]...%s%s\n\n", c->name, *c->args ? " " : "",
		 c->args);
	while (str_line(&rest, &line)) {
		if (line.len && *line.at != ' ') {
			auto_arena struct arena a = { 0 };

			render_wrapped(arena_strn(&a, line.at, line.len), 0, 0, &page, ret);
		} else {
			buf_add(ret, line.at, line.len);
			buf_addc(ret, '\n');
		}
	}
	buf_adds(ret, "\nOptions:\n");
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (command_takes(c, (enum option)i) && option_table[i].help)
			help_option(c, &option_table[i], ret);
}

static void help_program(struct buf *ret)
{
	buf_adds(ret,
		 "Usage: gpuprov COMMAND [OPTION]... [ARGUMENT]...\n\n"
		 "From a bare system to working NVIDIA GPUs, from one profile.\n\n"
		 "  gpuprov init bare-metal.yaml          write a profile that fits this host\n"
		 "  gpuprov plan bare-metal.yaml          show what would be done\n"
		 "  sudo gpuprov apply bare-metal.yaml    do it\n"
		 "  gpuprov verify bare-metal.yaml        prove it\n\n"
		 "Commands:\n");
	for (const struct command *const *c = command_table; *c; c++)
		buf_addf(ret, "  %-16s%s\n", (*c)->name, (*c)->summary);
	buf_adds(ret, "\nHelp of a command: gpuprov COMMAND --help\n");
}

void options_help(const struct command *c, struct buf *ret)
{
	if (c)
		help_command(c, ret);
	else
		help_program(ret);
}
