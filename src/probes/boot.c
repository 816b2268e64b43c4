/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernel the next boot starts, by the rules of the boot loader: GRUB's menu with its default,
 * saved or one-time entry, or the entries of systemd-boot. Where neither can be read, the newest
 * image: that is what both do when nobody told them otherwise.
 */
#include "probes/probe.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

struct entry {
	const char *title, *id;
	const char *kernel; /* NULL: a submenu, or no Linux */
	size_t parent;      /* number + 1 of the submenu it is in; 0 = the top */
	bool submenu;
};

struct menu {
	LIST(struct entry) entries;
	LIST(size_t) open; /* braces: number + 1 of an entry, or 0 */
	const char *default_;
	struct arena *a;
};

/* The first quoted word after `at`; GRUB's generator writes single quotes. */
static const char *quoted(struct arena *a, struct piece line, const char *after)
{
	const char *text = arena_strn(a, line.at, line.len);
	const char *at = after ? strstr(text, after) : text;
	const char *open = at ? strpbrk(at, "'\"") : NULL;
	const char *close = open ? strchr(open + 1, *open) : NULL;

	return close ? arena_strn(a, open + 1, (size_t)(close - open - 1)) : NULL;
}

static void open_entry(struct menu *m, struct piece line, bool submenu)
{
	struct entry en = { .title = quoted(m->a, line, NULL), .submenu = submenu };
	const char *id = quoted(m->a, line, "$menuentry_id_option");

	en.id = id ? id : quoted(m->a, line, "--id");
	for (size_t i = m->open.n; i-- && !en.parent;)
		en.parent = m->open.at[i];
	list_add(m->a, &m->entries, en);
	list_add(m->a, &m->open, m->entries.n);
}

static void start_kernel(struct menu *m, struct piece rest)
{
	struct piece word;
	size_t at = m->open.n ? m->open.at[m->open.n - 1] : 0;

	if (str_word(&rest, &word) && str_word(&rest, &word) && at)
		m->entries.at[at - 1].kernel = arena_strn(m->a, word.at, word.len);
}

/* "set default="0"": the last one counts; that of next_entry is for one boot only. */
static void set_default(struct menu *m, struct piece line)
{
	const char *value = quoted(m->a, line, "default");

	if (value && !str_eq(value, "${next_entry}"))
		m->default_ = value;
}

static void read_line(struct menu *m, struct piece line)
{
	line = str_trim(line);
	if (piece_starts(line, "menuentry "))
		open_entry(m, line, false);
	else if (piece_starts(line, "submenu "))
		open_entry(m, line, true);
	else if (line.len && line.at[line.len - 1] == '{')
		list_add(m->a, &m->open, 0);
	else if (piece_eq(line, "}") && m->open.n)
		m->open.n--;
	else if (piece_starts(line, "linux"))
		start_kernel(m, line);
	else if (piece_starts(line, "set default="))
		set_default(m, line);
}

static const char *environment(struct facts *f, const char *text, const char *key)
{
	struct piece rest = PIECE(text ? text : ""), line;
	size_t n = strlen(key);

	while (str_line(&rest, &line))
		if (piece_starts(line, key) && line.len > n + 1 && line.at[n] == '=')
			return arena_strn(f->a, line.at + n + 1, line.len - n - 1);
	return NULL;
}

/* One part of a default: a number, an id or a title among the entries of one menu. */
static size_t find(const struct menu *m, size_t parent, const char *what)
{
	unsigned long long number = 0, count = 0;
	bool numbered = str_to_u64(what, &number);

	for (size_t i = 0; i < m->entries.n; i++) {
		const struct entry *en = &m->entries.at[i];

		if (en->parent != parent)
			continue;
		if (numbered ? count++ == number : str_eq(en->id, what) || str_eq(en->title, what))
			return i + 1;
	}
	return 0;
}

/* "1>2", "gnulinux-advanced-X>gnulinux-6.1.0-56-amd64-advanced-X"; what is not there is entry 0. */
static const struct entry *resolve(const struct menu *m, const char *wanted)
{
	struct piece rest = PIECE(wanted && *wanted ? wanted : "0");
	size_t at = 0;

	for (;;) {
		const char *end = memchr(rest.at, '>', rest.len);
		size_t n = end ? (size_t)(end - rest.at) : rest.len;

		at = find(m, at, arena_strn(m->a, rest.at, n));
		if (!end || !at)
			break;
		rest = (struct piece){ end + 1, rest.len - n - 1 };
	}
	if (!at)
		at = find(m, 0, "0");
	while (at && m->entries.at[at - 1].submenu)
		at = find(m, at, "0");
	return at ? &m->entries.at[at - 1] : NULL;
}

/* "/boot/vmlinuz-6.1.0-56-amd64", or a link with a plain name. */
static const char *release_of(const struct sys *sys, struct facts *f, const char *image)
{
	const char *name = probe_last(image);

	if (str_eq(name, "vmlinuz"))
		name = probe_last(probe_link(sys, f, "boot/vmlinuz"));
	return name && str_starts(name, "vmlinuz-") ? name + strlen("vmlinuz-") : NULL;
}

static bool mark(struct facts *f, const char *release, const char *from)
{
	list_each (&f->kernels, k) {
		if (!str_eq(k->release, release))
			continue;
		k->next = true;
		fact_from(f, "kernels.next", from);
		return true;
	}
	return false;
}

static bool ask_grub(const struct sys *sys, struct facts *f)
{
	auto_buf struct buf text = BUF_INIT(4 << 20);
	auto_err ignored = { 0 }; /* another boot loader, or not for us to read */
	struct menu m = { .a = f->a };
	struct piece rest, line;
	const struct entry *en;
	const char *env, *wanted;

	if (sys_read(sys, "boot/grub/grub.cfg", &text, &ignored))
		return false;
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line))
		read_line(&m, line);
	env = probe_text(sys, f, "boot/grub/grubenv");
	wanted = environment(f, env, "next_entry");
	if (!wanted)
		wanted = str_eq(m.default_, "${saved_entry}") ? environment(f, env, "saved_entry") :
								m.default_;
	en = resolve(&m, wanted);
	return en && mark(f, release_of(sys, f, en->kernel), "boot/grub/grub.cfg");
}

static const char *newest(const struct facts *f)
{
	const char *best = NULL;

	list_each (&f->kernels, k)
		if (k->image && (!best || ver_deb_cmp(k->release, best) > 0))
			best = k->release;
	return best;
}

/* A key of systemd-boot's files: "linux   /debian/6.1.0-56-amd64/linux". */
static const char *loader_value(struct facts *f, const char *text, const char *key)
{
	struct piece rest = PIECE(text ? text : ""), line, word;

	while (str_line(&rest, &line))
		if (str_word(&line, &word) && piece_eq(word, key)) {
			line = str_trim(line);
			return arena_strn(f->a, line.at, line.len);
		}
	return NULL;
}

/* A pattern has at most a star at its end, as in systemd's own examples; other ones match nothing.
 */
static bool matches(const char *name, const char *pattern)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] == '*' ? !pattern[n + 1] && strncmp(name, pattern, n) == 0 :
				   str_eq(name, pattern);
}

static bool ask_systemd_boot(const struct sys *sys, struct facts *f)
{
	static const char *const places[] = { "boot/efi/loader", "boot/loader", "efi/loader" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *conf = arena_printf(f->a, "%s/loader.conf", places[i]);
		const char *text = probe_text(sys, f, conf);
		const char *wanted = loader_value(f, text, "default");
		const char *best = NULL, *dir = arena_printf(f->a, "%s/entries", places[i]);
		strs names = { 0 };

		if (!text)
			continue;
		probe_list(sys, f, dir, &names);
		list_each (&names, name) {
			const char *entry =
				probe_text(sys, f, arena_printf(f->a, "%s/%s", dir, *name));
			const char *version = loader_value(f, entry, "version");

			if (!version || (wanted && !matches(*name, wanted)))
				continue;
			if (!best || ver_deb_cmp(version, best) > 0)
				best = version;
		}
		return best && mark(f, best, conf);
	}
	return false;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	(void)e;
	if (!f->kernels.n || ask_grub(sys, f) || ask_systemd_boot(sys, f))
		return 0;
	if (!mark(f, newest(f), "the newest image in /boot: no menu of a boot loader was readable"))
		fact_unknown(f, "kernels.next", "no kernel here has an image in /boot");
	return 0;
}

const struct probe probe_boot = { "boot", PROBE_LAST, run };
