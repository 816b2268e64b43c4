/* SPDX-License-Identifier: Apache-2.0 */
/* The profile language: the table itself, and what each type of value takes and refuses. */
#include "profile/schema.h"

#include "parsing.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define HEAD "version: 1\nkind: bare-metal\n"

/* ---- the table ---- */

static const struct schema_row *parent_of(const struct schema_row *row)
{
	const char *dot = strrchr(row->path, '.');

	if (dot && dot[-1] == ']')
		dot -= strlen("[]");
	for (const struct schema_row *it = schema_table; dot && it->path; it++)
		if (strlen(it->path) == (size_t)(dot - row->path) &&
		    str_starts(row->path, it->path))
			return it;
	return NULL;
}

/* Another row of the same path for one of the same kinds. */
static bool again(const struct schema_row *row)
{
	for (const struct schema_row *it = schema_table; it < row; it++)
		if (str_eq(it->path, row->path) && (it->kinds & row->kinds))
			return true;
	return false;
}

static void test_table(void)
{
	unsigned orphans = 0, twice = 0, mute = 0, wordless = 0, wrong_default = 0, homeless = 0;

	for (const struct schema_row *row = schema_table; row->path; row++) {
		const struct schema_row *parent = parent_of(row);
		bool words = row->type == SCHEMA_WORD || row->type == SCHEMA_WORDS;

		if (strchr(row->path, '.'))
			orphans += !parent || parent > row || (row->kinds & ~parent->kinds) ||
				   (parent->type != SCHEMA_MAP && parent->type != SCHEMA_PART &&
				    parent->type != SCHEMA_LIST);
		twice += again(row);
		mute += str_empty(row->help) || strchr(row->help, '\n');
		wordless += words != (row->words != NULL);
		wrong_default += row->fallback && row->type != SCHEMA_GPUS &&
				 schema_fault(row, row->fallback);
		homeless += !row->kinds;
		ok(schema_find(row->path, row->kinds) == row, "%s is found", row->path);
	}
	ok(!orphans, "parents hold children, have all their kinds, and come before them");
	ok(!twice, "each path once for a kind");
	ok(!mute, "each row has one line of help");
	ok(!wordless, "words belong to word rows");
	ok(!wrong_default, "a default is a value that is allowed");
	ok(!homeless, "each row belongs to a kind");
	ok(!schema_find("driver.", ~0u) && !schema_find("", ~0u), "no other paths");
	ok(!schema_find("kubernetes.engine", KIND_BARE_METAL), "nor keys of another kind");
}

/* ---- one value ---- */

static const char *kind_for(const char *path)
{
	/* A container toolkit belongs to an engine: test_toolkit_alone(). */
	if (str_eq(path, "purpose") || str_starts(path, "container-toolkit"))
		return "docker";
	if (schema_find(path, KIND_BARE_METAL))
		return "bare-metal";
	return schema_find(path, KIND_K8S) ? "k8s" : "docker";
}

/* Parse a profile in which `path` has this value, as it would be written. */
static void parse_with(struct parsed *p, const char *path, const char *value)
{
	auto_buf struct buf b = BUF_TEXT;
	unsigned depth = 0;

	if (!str_eq(path, "version"))
		buf_adds(&b, "version: 1\n");
	if (!str_eq(path, "kind"))
		buf_addf(&b, "kind: %s\n", kind_for(path));
	for (const char *at = path; at; depth++) {
		const char *dot = strchr(at, '.');
		int n = (int)(dot ? (size_t)(dot - at) : strlen(at));

		buf_addf(&b, "%*s%.*s:", (int)depth * 2, "", n, at);
		if (dot)
			buf_addc(&b, '\n');
		else
			buf_addf(&b, " %s\n", value);
		at = dot ? dot + 1 : NULL;
	}
	/* The text must outlive the buffer: parsed values do not point into it, but spans show it.
	 */
	parse(p, buf_str(&b), b.len);
}

static void accepted(const char *path, const char *value)
{
	auto_parsed p = { 0 };

	parse_with(&p, path, value);
	ok(p.rc == 0 && !p.diags.list.n, "%s takes %s", path, value);
}

/* Refused with this code, at the value; a value of the right form also with a reason. */
static void refused(const char *path, const char *value, enum code code)
{
	auto_parsed p = { 0 };
	const struct diag *d;
	const char *leaf = strrchr(path, '.');
	unsigned depth = 0;
	unsigned line, col;

	for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.'))
		depth++;
	leaf = leaf ? leaf + 1 : path;
	line = str_eq(path, "kind") || str_eq(path, "version") ? 2 : 3 + depth;
	col = 2 * depth + (unsigned)strlen(leaf) + 3;

	if (code == GP_BAD_VALUE && str_eq(path, "version"))
		code = GP_BAD_FORMAT_VERSION;
	parse_with(&p, path, value);
	d = complaint(&p, code);
	ok(p.rc == -1 && d && p.diags.list.n == 1, "%s refuses %s", path, value);
	ok(d && d->at.line == line && d->at.col == col && strstr(d->what, path) &&
		   (d->why || code == GP_WRONG_TYPE),
	   "at its place, naming the key");
}

static void test_words(void)
{
	for (const struct schema_row *row = schema_table; row->path; row++) {
		/* A kind of sharing needs its replicas; list items are written another way. */
		if (row->type != SCHEMA_WORD || strchr(row->path, '[') ||
		    str_starts(row->path, "podman") ||
		    str_eq(row->path, "kubernetes.device-plugin.sharing.kind"))
			continue;
		for (size_t i = 0; row->words[i]; i++)
			accepted(row->path, row->words[i]);
		refused(row->path, "zzzzzz", GP_BAD_VALUE);
		refused(row->path, "\"\"", GP_BAD_VALUE);
		refused(row->path, "[a]", GP_WRONG_TYPE);
		refused(row->path, "{a: b}", GP_WRONG_TYPE);
	}
	refused("reboot", "Ask", GP_BAD_VALUE);
	refused("reboot", "\"ask \"", GP_BAD_VALUE);
	refused("version", "1.0", GP_BAD_VALUE);
	refused("version", "01", GP_BAD_VALUE);
}

static void test_branch(void)
{
	static const char *const bad[] = { "53",   "5350",     "535.1",     "535.309.01", "53a",
					   "v535", "\"535 \"", "-535",      "latest",     "\"\"",
					   "5e5",  "0x217",    "\"535;id\"" };

	accepted("driver.branch", "535");
	accepted("driver.branch", "\"580\"");
	for (size_t i = 0; i < COUNT(bad); i++)
		refused("driver.branch", bad[i], GP_BAD_VALUE);
	refused("driver.branch", "[535]", GP_WRONG_TYPE);
}

static void test_version(void)
{
	static const char *const good[] = { "535.309.01", "\"535.309.01\"", "12.10", "580" };
	static const char *const bad[] = {
		"1e3",        "0x10",
		"-1",         "\"570.\"",
		"\"570..1\"", "\"570.1;id\"",
		"\"$(id)\"",  "\"`id`\"",
		"\"570 1\"",  "570.1-1",
		"v570",       "1.2.3.4.5.6",
		"1234567",    "latest",
		"\"\"",       "1111111111222222222233333333334444444444",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		accepted("driver.version", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		refused("driver.version", bad[i], GP_BAD_VALUE);
}

static void test_url(void)
{
	static const char *const good[] = {
		"https://deb.example.org/debian/",
		"http://deb.example.org",
		"http://deb.example.org:80/",
		"http://deb.example.org:65535",
		"http://[2001:db8::1]/debian",
		"http://[2001:db8::1]:3142/debian",
		"http://10.0.0.1:3142/debian",
		"file:///srv/mirror",
		"https://a/?b=c",
	};
	static const char *const bad[] = {
		"ftp://deb.example.org/",
		"deb.example.org",
		"\"//deb.example.org/\"",
		"file://host/srv",
		"file:/srv",
		"http://",
		"http:///debian",
		"https://:80/",
		"http://a:0/",
		"http://a:65536/",
		"http://a:99999/",
		"http://a:/",
		"http://a:80x/",
		"http://a:-1/",
		"http://a:000080/",
		"\"http://a b/\"",
		"\"http://a/b c\"",
		"\"http://a/'id'\"",
		"\"http://a/`id`\"",
		"\"http://a/{b}\"",
		"\"http://a\\\\b/\"",
		"http://a$b/",
		"http://a%41/",
		"HTTP://a/",
		"javascript:alert(1)",
		"\"\"",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		accepted("apt.mirror", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		refused("apt.mirror", bad[i], GP_BAD_VALUE);
}

/* A password in a URL is refused, and never said again. */
static void test_secret(void)
{
	static const char *const urls[] = {
		"http://user:S3cret@deb.example.org/",
		"https://S3cret@deb.example.org/",
		"http://u:S3cret@a:99999/",
		"ftp://u:S3cret@a/",
		"http://u:S3cret@/",
	};

	for (size_t i = 0; i < COUNT(urls); i++) {
		auto_parsed p = { 0 };
		const struct diag *d;
		unsigned told = 0;

		parse_with(&p, "apt.mirror", urls[i]);
		d = complaint(&p, GP_BAD_VALUE);
		list_each (&p.diags.list, it) {
			told += strstr(it->what, "S3cret") != NULL;
			told += it->why && strstr(it->why, "S3cret");
			list_each (&it->ways, w)
				told += strstr(w->text, "S3cret") != NULL;
		}
		ok(p.rc == -1 && d && !told, "a secret in a URL is not repeated (%zu)", i);
		ok(d && (i > 1 || strstr(d->why, "auth.conf")), "and it is said where it belongs");
	}
}

static void test_gpus(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf got = BUF_TEXT;

	accepted("gpus", "auto");
	accepted("gpus", "[\"Tesla T4\", 10de:1eb8]");
	refused("gpus", "[]", GP_WRONG_TYPE);
	refused("gpus", "all", GP_WRONG_TYPE);
	refused("gpus", "{a: b}", GP_WRONG_TYPE);
	parse_with(&p, "gpus", "[a, [b], {c: d}, ~]");
	complaints(&p, &got);
	is(buf_str(&got), "GP0204 at 3:11, GP0204 at 3:16, GP0204 at 3:24", "each item is a name");
}

/* ---- keys ---- */

static void test_unknown(void)
{
	static const struct {
		const char *text, *meant;
		unsigned line, col;
	} rows[] = {
		{ HEAD "reboots: ask\n", "did you mean reboot?", 3, 1 },
		{ HEAD "driver:\n  barnch: 535\n", "did you mean driver.branch?", 4, 3 },
		{ HEAD "driver: {verison: 535}\n", "did you mean driver.version?", 3, 10 },
		{ HEAD "branch: 535\n", "did you mean driver.branch?", 3, 1 },
		{ HEAD "zebra: 1\n", NULL, 3, 1 },
		{ HEAD "driver:\n  gpus: auto\n", "did you mean gpus?", 4, 3 },
		{ HEAD "Reboot: ask\n", "did you mean reboot?", 3, 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_parsed p = { 0 };
		const struct diag *d;

		parse(&p, rows[i].text, strlen(rows[i].text));
		d = complaint(&p, GP_UNKNOWN_KEY);
		ok(p.rc == -1 && d && p.diags.list.n == 1 && d->at.line == rows[i].line &&
			   d->at.col == rows[i].col,
		   "an unknown key, at %u:%u", rows[i].line, rows[i].col);
		is(d && d->ways.n > 1 ? d->ways.at[0].text : NULL, rows[i].meant,
		   "with what was meant");
	}
}

static void test_dotted(void)
{
	auto_parsed p = { 0 };
	const char *text = HEAD "driver.branch: 535\n";
	const struct diag *d;

	parse(&p, text, strlen(text));
	d = complaint(&p, GP_UNKNOWN_KEY);
	ok(p.rc == -1 && d && d->at.line == 3, "a key with a dot is not a key in a map");
	ok(d && d->ways.n == 2 && strstr(d->ways.at[0].text, "dot"),
	   "and it is said how to write it");
}

static void test_missing(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf got = BUF_TEXT;
	const struct diag *d;

	parse(&p, "# c\n\nreboot: ask\n", 17);
	complaints(&p, &got);
	is(buf_str(&got), "GP0202 at 3:1, GP0202 at 3:1",
	   "both required keys, where the map begins");
	d = complaint(&p, GP_MISSING_KEY);
	is(d->what, "the key 'version' is missing", "which");
	ok(d->ways.n == 1 && d->ways.at[0].sets.n == 1, "and what to add");
	is(d->ways.at[0].sets.at[0], "version=1", "as a change of the profile");
	buf_clear(&got);
	parse(&p, "kind:\nversion: 1\n", 17);
	complaints(&p, &got);
	is(buf_str(&got), "GP0204 at 1:6", "a key without a value is not missing as well");
}

static void test_types(void)
{
	auto_parsed p = { 0 };
	const struct diag *d;

	refused("driver", "auto", GP_WRONG_TYPE);
	refused("driver", "[]", GP_WRONG_TYPE);
	accepted("driver", "{}");
	parse_with(&p, "apt", "https://a/");
	d = complaint(&p, GP_WRONG_TYPE);
	is(d ? d->what : NULL, "apt must be a map, not a single value",
	   "what it is, what it must be");
}

static void test_suggested_value(void)
{
	auto_parsed p = { 0 };
	const struct diag *d;

	parse_with(&p, "reboot", "nevre");
	d = complaint(&p, GP_BAD_VALUE);
	is(d->why, "it takes ask, never or auto", "what it takes");
	ok(d->ways.n == 1, "one way out when it is clear what was meant");
	is(d->ways.at[0].sets.at[0], "reboot=never", "as a change of the profile");
	parse_with(&p, "driver.modules", "whatever");
	d = complaint(&p, GP_BAD_VALUE);
	ok(d->ways.n == 3, "else the words it takes");
	is(d->ways.at[0].sets.at[0], "driver.modules=auto", "with the whole path");
	parse_with(&p, "driver.branch", "535.309.01");
	d = complaint(&p, GP_BAD_VALUE);
	is(d->ways.at[0].sets.at[0], "driver.branch=\"535\"", "a version gives its branch away");
	parse_with(&p, "reboot", "\"a\\u0301 '\\\"\"");
	d = complaint(&p, GP_BAD_VALUE);
	is(d->what, "'a\314\201 '\"' is not allowed for reboot", "what was written is quoted");
}

static void test_other_types(void)
{
	static const struct {
		const char *path, *good[4], *bad[8];
	} rows[] = {
		{ "driver.headless", { "auto", "true", "no" }, { "maybe", "1", "\"\"" } },
		{ "driver.persistence", { "on", "false" }, { "auto", "True", "y" } },
		{ "cuda.cudnn", { "none", "auto", "9.5" }, { "latest", "9.x", "\"\"" } },
		{ "cuda.version", { "12.8", "[12.8, \"12.10\"]" }, { "latest", "12.x" } },
		{ "apt.lock-timeout",
		  { "1", "1000000" },
		  { "0", "-1", "1.5", "1e3", "1000001", "" } },
		{ "paths.cuda",
		  { "/opt", "/usr/local", "/" },
		  { "opt", "/opt/", "/opt//x", "/opt/../etc", "/./x", "/proc/self/fd",
		    "/dev/shm" } },
		{ "extends", { "base.yaml", "../base.yaml", "/etc/x.yaml" }, { "a//b", "a/" } },
		{ "driver.runfile.sha256",
		  { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF" },
		  { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", "abc",
		    "zz" } },
		{ "apt.key-fingerprint",
		  { "EB693B3035CD5710E231E123A4B469963BF863CC" },
		  { "3BF863CC", "EB69 3B30" } },
		{ "docker.runtime-name",
		  { "nvidia", "nvidia-2.x_y" },
		  { "-x", "a b", "a/b", "\"a;b\"" } },
		{ "kubernetes.image-prefix",
		  { "registry.example:5000/nvidia" },
		  { "https//x y", "-x" } },
		{ "kubernetes.dcgm-exporter.memory",
		  { "512Mi", "1G", "500m", "1.5Gi" },
		  { "1X", "Mi", "1Mib" } },
		{ "driver.features", { "[gds, hmm]" }, { "[gd]", "[gds, gds]" } },
		{ "apt.remove", { "[a, b-c]" }, { "[a b]", "[\"a;b\"]" } },
		{ "kubernetes.dcgm-exporter", { "true", "no", "{port: 9401}" }, { NULL } },
		{ "driver.module-options", { "{NVreg_x: 1}" }, { NULL } },
		{ "kubernetes.tolerations", { "[{key: a}]", "x" }, { NULL } },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < COUNT(rows[i].good) && rows[i].good[k]; k++)
			accepted(rows[i].path, rows[i].good[k]);
		for (size_t k = 0; k < COUNT(rows[i].bad) && !str_empty(rows[i].bad[k]); k++) {
			auto_parsed p = { 0 };

			parse_with(&p, rows[i].path, rows[i].bad[k]);
			ok(p.rc == -1 && complaint(&p, GP_BAD_VALUE), "%s refuses %s", rows[i].path,
			   rows[i].bad[k]);
		}
	}
	refused("cuda.version", "{a: b}", GP_WRONG_TYPE);
	refused("driver.features", "gds", GP_WRONG_TYPE);
	refused("driver.module-options", "x", GP_WRONG_TYPE);
	refused("cuda.runfile", "{url: x}", GP_WRONG_TYPE);
}

/* Short for {enabled: true}; the place stays that of the word. */
static void test_part(void)
{
	auto_parsed p = { 0 };
	struct span at;

	parse_with(&p, "kubernetes.dcgm-exporter", "false");
	is(profile_get(&p.profile, "kubernetes.dcgm-exporter.enabled"), "false", "false is off");
	ok(!profile_on(&p.profile, "kubernetes.dcgm-exporter.enabled") &&
		   profile_on(&p.profile, "kubernetes.device-plugin.enabled"),
	   "what is not said has its default");
	at = profile_at(&p.profile, "kubernetes.dcgm-exporter.enabled");
	ok(at.line == 4 && at.col == 18, "at the word");
}

static void test_list(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf got = BUF_TEXT;
	const char *text = HEAD "cuda:\n  runfile:\n    - version: 12.8\n      url: nope\n"
				"    - sha: x\n    - text\n";

	parse(&p, text, strlen(text));
	complaints(&p, &got);
	is(buf_str(&got), "GP0203 at 6:12, GP0201 at 7:7, GP0204 at 8:7", "items of a list");
	is(complaint(&p, GP_BAD_VALUE)->what, "'nope' is not allowed for cuda.runfile[0].url",
	   "which item");
}

static void test_kind(void)
{
	auto_parsed p = { 0 };
	const char *text = HEAD "kubernetes: {engine: containerd}\n";
	const struct diag *d;

	parse(&p, text, strlen(text));
	d = complaint(&p, GP_WRONG_KIND);
	is(d ? d->why : NULL, "it is a key of kind k8s", "a key of another kind, and of which");
	parse_with(&p, "docker.cdi", "auto");
	is(profile_get(&p.profile, "purpose"), "containers", "a default may depend on the kind");
}

static void contradicts(const char *text, unsigned line, unsigned col)
{
	auto_parsed p = { 0 };
	const struct diag *d;

	parse(&p, text, strlen(text));
	d = complaint(&p, GP_CONTRADICTION);
	ok(p.rc == -1 && d && d->at.line == line && d->at.col == col && d->ways.n,
	   "contradiction at %u:%u: %s", line, col, d ? d->what : "none");
}

static void test_contradictions(void)
{
	contradicts(HEAD "driver: {modules: none, features: [hmm]}\n", 3, 35);
	contradicts(HEAD "driver: {runfile: {url: https://a/, path: b}}\n", 3, 43);
	contradicts(HEAD "driver: {source: distro, runfile: {path: b}}\n", 3, 35);
	contradicts(HEAD "cuda: {version: [12.8, 12.4], default: 11.8}\n", 3, 40);
	contradicts("version: 1\nkind: docker\npodman: {install: none}\n", 3, 9);
	contradicts(
		"version: 1\nkind: k8s\nkubernetes:\n  device-plugin: {sharing: {replicas: 4}}\n",
		4, 39);
}

/* A container toolkit needs an engine that uses it, unless only its CDI part is wanted. */
static void test_toolkit_alone(void)
{
	static const char *const fine[] = {
		"version: 1\nkind: docker\ncontainer-toolkit: {cdi: true}\n",
		"version: 1\nkind: k8s\ncontainer-toolkit: {cdi: true}\n",
		HEAD "purpose: containers\ncontainer-toolkit: {packages: base}\n",
	};
	auto_parsed p = { 0 };
	const char *text = HEAD "purpose: containers\n";
	const struct diag *d;

	contradicts(HEAD "container-toolkit: {cdi: true}\n", 3, 1);
	contradicts(HEAD "purpose: containers\ncontainer-toolkit: {cdi: true}\n", 4, 1);
	contradicts(HEAD "container-toolkit: {packages: base}\n", 3, 1);
	parse(&p, text, strlen(text));
	d = complaint(&p, GP_CONTRADICTION);
	ok(p.rc == 0 && d && d->severity == SEV_WARNING && d->at.line == 3 && d->at.col == 10,
	   "purpose containers without an engine is warned of");
	ok(d && d->ways.n && d->ways.at[0].sets.n == 1 &&
		   str_eq(d->ways.at[0].sets.at[0], "kind=docker"),
	   "with an engine as the way out");
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++) {
		parse(&p, fine[i], strlen(fine[i]));
		ok(p.rc == 0 && !p.diags.list.n, "a toolkit that is used: %zu", i);
	}
}

static void test_contradiction(void)
{
	auto_parsed p = { 0 };
	const char *text = HEAD "driver:\n  branch: 535\n  version: 580.65.06\n";
	const struct diag *d;

	parse(&p, text, strlen(text));
	d = complaint(&p, GP_CONTRADICTION);
	ok(p.rc == -1 && d && d->at.line == 5 && d->at.col == 12, "a version of another branch");
	ok(d && d->also.line == 4 && d->also.col == 11 && d->also_note, "both places");
	text = HEAD "driver:\n  branch: 535\n  version: 535.309.01\n";
	parse(&p, text, strlen(text));
	ok(p.rc == 0, "a version of that branch is fine");
	text = HEAD "driver:\n  branch: 535\n  version: 5350.1\n";
	parse(&p, text, strlen(text));
	ok(p.rc == -1 && complaint(&p, GP_CONTRADICTION), "535 is no beginning of 5350");
	text = HEAD "driver:\n  branch: [535]\n  version: 580.1\n";
	parse(&p, text, strlen(text));
	ok(p.rc == -1 && !complaint(&p, GP_CONTRADICTION), "what is not text contradicts nothing");
}

int main(void)
{
	test_table();
	test_words();
	test_branch();
	test_version();
	test_url();
	test_secret();
	test_gpus();
	test_unknown();
	test_dotted();
	test_missing();
	test_types();
	test_suggested_value();
	test_contradiction();
	test_other_types();
	test_part();
	test_list();
	test_kind();
	test_contradictions();
	test_toolkit_alone();
	return done_testing();
}
