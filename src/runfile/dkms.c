/* SPDX-License-Identifier: Apache-2.0 */
/* What DKMS says of a module that did not compile. */
#include "runfile/dkms.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define TREE "var/lib/dkms"

enum { WORDS_MAX = 3, LINE_MAX_BYTES = 200 };

/* A build that failed leaves its log in the folder it was built in: module/version/build/. */
static int newest_log(const struct sys *sys, struct arena *a, int64_t since_ns, const char **ret,
		      struct err *e)
{
	strs modules = { 0 }, versions = { 0 };
	long long newest = since_ns - 1;

	*ret = NULL;
	if (sys_list(sys, TREE, a, &modules, e))
		return -1;
	list_each (&modules, module) {
		const char *dir = arena_printf(a, TREE "/%s", *module);

		versions.n = 0;
		if (sys_list(sys, dir, a, &versions, e))
			return -1;
		list_each (&versions, version) {
			const char *path = arena_printf(a, "%s/%s/build/make.log", dir, *version);
			struct sys_stat st;

			if (sys_stat(sys, path, &st, e))
				return -1;
			if (st.type != SYS_FILE || st.mtime_ns <= newest)
				continue;
			newest = st.mtime_ns;
			*ret = path;
		}
	}
	return 0;
}

/* "DKMS make.log for nvidia-current-535.309.01 for kernel 6.1.0-56-amd64 (x86_64)" */
static struct piece kernel_of(struct piece text)
{
	static const char mark[] = " for kernel ";
	struct piece line, rest, word = { 0 };
	const char *at;

	if (!str_line(&text, &line))
		return word;
	at = memmem(line.at, line.len, mark, strlen(mark));
	if (!at)
		return word;
	at += strlen(mark);
	rest = (struct piece){ at, line.len - (size_t)(at - line.at) };
	str_word(&rest, &word);
	return word;
}

static bool has(struct piece line, const char *word)
{
	return memmem(line.at, line.len, word, strlen(word)) != NULL;
}

static bool is_complaint(struct piece line)
{
	return (has(line, "error:") || has(line, "Error:") || has(line, "ERROR")) &&
	       !has(line, "make[");
}

/* The last complaints of the compiler; where there is none, the last lines. */
static void last_words(struct piece text, struct arena *a, strs *ret)
{
	strs complaints = { 0 }, lines = { 0 };
	const strs *from;
	struct piece line;

	while (str_line(&text, &line)) {
		line = str_trim(line);
		if (!line.len)
			continue;
		if (line.len > LINE_MAX_BYTES)
			line.len = LINE_MAX_BYTES;
		list_add(a, &lines, arena_strn(a, line.at, line.len));
		if (is_complaint(line))
			list_add(a, &complaints, arena_strn(a, line.at, line.len));
	}
	from = complaints.n ? &complaints : &lines;
	for (size_t i = from->n > WORDS_MAX ? from->n - WORDS_MAX : 0; i < from->n; i++)
		list_add(a, ret, from->at[i]);
}

void dkms_explain(const struct sys *sys, int64_t since_ns, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(8 << 20), said = BUF_TEXT;
	auto_err unread = { 0 }; /* then the error stays as dpkg worded it */
	auto_free char *doing = mem_strdup(e->text);
	enum code code = e->code;
	const char *path;
	struct piece text, kernel;
	strs words = { 0 };

	if (newest_log(sys, &a, since_ns, &path, &unread) || !path ||
	    sys_read(sys, path, &b, &unread))
		return;
	text = (struct piece){ buf_str(&b), b.len };
	kernel = kernel_of(text);
	last_words(text, &a, &words);
	list_each (&words, one)
		buf_addf(&said, "%s%s", said.len ? "\n" : "", *one);
	err_set(e, code, "%s; the module did not compile for kernel %.*s:\n%s", doing,
		kernel.len ? (int)kernel.len : 1, kernel.len ? kernel.at : "?", buf_str(&said));
	err_way(e, "read what the compiler says in %s/%s", str_eq(sys->root, "/") ? "" : sys->root,
		path);
	err_way(e,
		"a branch older than this kernel does not know it: take a newer driver.branch, or "
		"boot an older kernel");
	err_way(e, "put back what was there: gpuprov rollback; the initramfs and the modules of "
		   "before were not touched, so this host boots as it did");
}
