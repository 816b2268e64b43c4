/* SPDX-License-Identifier: Apache-2.0 */
/* What a run of dpkg that was cut off left behind. */
#include "closure/unfinished.h"

#include "base/arena.h"
#include "base/control.h"
#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

#define STATUS "var/lib/dpkg/status"

static bool whole(struct piece state)
{
	static const char *const fine[] = { "installed", "config-files", "not-installed" };
	struct piece want, flag, is;

	if (!str_word(&state, &want) || !str_word(&state, &flag) || !str_word(&state, &is) ||
	    !piece_eq(flag, "ok"))
		return false;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		if (piece_eq(is, fine[i]))
			return true;
	return false;
}

int unfinished_none(const struct sys *sys, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(64 << 20);
	struct piece rest, stanza;
	strs updates = { 0 };

	if (sys_read(sys, STATUS, &b, e) || sys_list(sys, "var/lib/dpkg/updates", &a, &updates, e))
		return -1;
	*ret = true;
	list_each (&updates, name)
		*ret &= strspn(*name, "0123456789") != strlen(*name);
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza))
		*ret &= whole(control_get(stanza, "Status"));
	return 0;
}

/* Of "NAME_VERSION_ARCH.deb" the version, when it is this package. */
static bool version_of(const char *file, struct piece name, struct arena *a, const char **ret)
{
	struct piece p = PIECE(file);
	const char *tail = strrchr(file, '_');

	if (!str_ends(file, ".deb") || p.len <= name.len || p.at[name.len] != '_' ||
	    memcmp(p.at, name.at, name.len) != 0 || tail <= file + name.len)
		return false;
	*ret = arena_strn(a, file + name.len + 1, (size_t)(tail - file) - name.len - 1);
	return true;
}

/* The file that dpkg was unpacking: the newest of that name which apt fetched. */
static int find_file(const struct sys *sys, struct piece name, struct arena *a, strs *ret,
		     struct err *e)
{
	static const char *const folders[] = { "var/cache/apt/archives", "var/lib/gpuprov/debs" };
	const char *found = NULL, *newest = NULL;

	for (size_t i = 0; i < 2; i++) {
		strs files = { 0 };

		if (sys_list(sys, folders[i], a, &files, e))
			return -1;
		list_each (&files, file) {
			const char *version;

			if (!version_of(*file, name, a, &version) ||
			    (newest && ver_cmp(version, newest) <= 0))
				continue;
			newest = version;
			found = arena_printf(a, "/%s/%s", folders[i], *file);
		}
	}
	if (found)
		list_add(a, ret, found);
	return 0;
}

/* Package files of all that dpkg says must be unpacked again. */
static int find_files(const struct sys *sys, struct arena *a, strs *ret, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);
	struct piece rest, stanza;

	if (sys_read(sys, STATUS, &b, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza)) {
		struct piece state = control_get(stanza, "Status"), want, flag;

		if (str_word(&state, &want) && str_word(&state, &flag) &&
		    piece_eq(flag, "reinstreq") &&
		    find_file(sys, control_get(stanza, "Package"), a, ret, e))
			return -1;
	}
	return 0;
}

static int dpkg(const struct sys *sys, const char *what, const strs *files, struct err *e)
{
	static const char *const env[] = { "DEBIAN_FRONTEND=noninteractive", NULL };
	auto_arena struct arena a = { 0 };
	strs argv = { 0 };
	struct sys_cmd cmd = { .env = env, .mounts = true };

	list_add(&a, &argv, "/usr/bin/dpkg");
	list_add(&a, &argv, "--force-confdef");
	list_add(&a, &argv, "--force-confold");
	list_add(&a, &argv, what);
	if (!files)
		list_add(&a, &argv, "-a");
	for (size_t i = 0; files && i < files->n; i++)
		list_add(&a, &argv, files->at[i]);
	list_add(&a, &argv, NULL);
	cmd.argv = argv.at;
	return sys_run_ok(sys, &cmd, e);
}

int unfinished_end(const struct sys *sys, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_err first = { 0 }; /* it fails over what is half unpacked, and configures the rest */
	strs files = { 0 };
	bool none;

	dpkg(sys, "--configure", NULL, &first);
	if (unfinished_none(sys, &none, e))
		return -1;
	if (none)
		return 0;
	if (find_files(sys, &a, &files, e) || (files.n && dpkg(sys, "--unpack", &files, e)) ||
	    dpkg(sys, "--configure", NULL, e) || unfinished_none(sys, &none, e))
		return -1;
	if (!none)
		return err_set(e, GP_DPKG_FAILED, "dpkg could not finish what it had begun");
	return 0;
}
