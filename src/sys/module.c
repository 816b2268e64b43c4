/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel module says of itself: the section .modinfo, and the signature at its end. */
#include "sys/module.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/cert.h"
#include "sys/real_priv.h"
#include "sys/unpack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "~Module signature appended~\n"
enum { MAGIC_LEN = sizeof(MAGIC) - 1, MOST_SECTIONS = 1 << 20, MOST_TEXT = 4 << 20 };

/* Appended to a module behind the signature; see kernel/module_signature.h. */
struct trailer {
	unsigned char algorithm, hash, id_type, signer_len, key_id_len, pad[3];
	unsigned char sig_len[4]; /* big-endian */
};

/*
 * A module in memory, or a file that is read where it must be: an nvidia.ko has 60 MB, and what it
 * says of itself is a kilobyte.
 */
struct source {
	int fd; /* -1: bytes */
	const char *bytes;
	size_t len;
	const char *name;
};

static int bad(const struct source *s, const char *what, struct err *e)
{
	return err_set(e, GP_IO, "'%s' is no kernel module: %s", s->name, what);
}

static int get(const struct source *s, size_t off, size_t n, void *to, struct err *e)
{
	if (off > s->len || n > s->len - off)
		return bad(s, "it is cut off", e);
	if (s->fd < 0) {
		memcpy(to, s->bytes + off, n);
		return 0;
	}
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(s->fd, (char *)to + done, n - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(e, errno, "reading '%s'", s->name);
		if (got == 0)
			return bad(s, "it became shorter", e);
		done += (size_t)got;
	}
	return 0;
}

/* The same, into memory that the caller frees. */
static int get_new(const struct source *s, size_t off, size_t n, char **ret, struct err *e)
{
	auto_free char *bytes = NULL;

	if (off > s->len || n > s->len - off)
		return bad(s, "it is cut off", e);
	bytes = mem_alloc(n + 1);
	if (get(s, off, n, bytes, e))
		return -1;
	bytes[n] = '\0';
	*ret = steal(bytes);
	return 0;
}

struct sections {
	char *headers, *names;
	size_t n, names_len;
};

static void release_sections(const struct sections *s)
{
	mem_free(s->headers);
	mem_free(s->names);
}

static Elf64_Shdr section(const struct sections *s, size_t i)
{
	Elf64_Shdr h;

	memcpy(&h, s->headers + i * sizeof(h), sizeof(h));
	return h;
}

static int read_sections(const struct source *s, struct sections *ret, struct err *e)
{
	Elf64_Ehdr head;
	Elf64_Shdr first, names;
	size_t at;

	if (get(s, 0, sizeof(head), &head, e))
		return -1;
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_shentsize != sizeof(Elf64_Shdr))
		return bad(s, "it is not an ELF file of 64 bits", e);
	if (get(s, head.e_shoff, sizeof(first), &first, e))
		return -1;
	/* With many sections their number stands in the first of them. */
	ret->n = head.e_shnum ? head.e_shnum : first.sh_size;
	at = head.e_shstrndx == SHN_XINDEX ? first.sh_link : head.e_shstrndx;
	if (ret->n > MOST_SECTIONS || at >= ret->n)
		return bad(s, "its sections are not in order", e);
	if (get_new(s, head.e_shoff, ret->n * sizeof(Elf64_Shdr), &ret->headers, e))
		return -1;
	names = section(ret, at);
	ret->names_len = names.sh_size;
	return get_new(s, names.sh_offset, names.sh_size, &ret->names, e);
}

static void take(const char *entry, const char *key, const char **ret, struct arena *a)
{
	size_t n = strlen(key);

	if (!*ret && str_starts(entry, key) && entry[n] == '=')
		*ret = arena_str(a, entry + n + 1);
}

static int read_modinfo(const struct source *s, struct arena *a, struct sys_module *ret,
			struct err *e)
{
	__attribute__((cleanup(release_sections))) struct sections all = { 0 };
	auto_free char *text = NULL;

	if (read_sections(s, &all, e))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		Elf64_Shdr h = section(&all, i);

		if (h.sh_name >= all.names_len || !str_eq(all.names + h.sh_name, ".modinfo"))
			continue;
		if (h.sh_size > MOST_TEXT)
			return bad(s, "its section .modinfo is too large", e);
		if (get_new(s, h.sh_offset, h.sh_size, &text, e))
			return -1;
		for (size_t at = 0; at < h.sh_size; at += strlen(text + at) + 1) {
			take(text + at, "version", &ret->version, a);
			take(text + at, "license", &ret->license, a);
			take(text + at, "vermagic", &ret->vermagic, a);
		}
		return 0;
	}
	return bad(s, "it has no section .modinfo", e);
}

static int read_signature(const struct source *s, struct arena *a, struct sys_module *ret,
			  struct err *e)
{
	char magic[MAGIC_LEN];
	struct trailer t;
	auto_free char *der = NULL;
	size_t len, before = MAGIC_LEN + sizeof(t);

	if (s->len < before)
		return 0;
	if (get(s, s->len - MAGIC_LEN, MAGIC_LEN, magic, e))
		return -1;
	if (memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return 0;
	if (get(s, s->len - before, sizeof(t), &t, e))
		return -1;
	len = (size_t)t.sig_len[0] << 24 | (size_t)t.sig_len[1] << 16 | (size_t)t.sig_len[2] << 8 |
	      t.sig_len[3];
	if (len > s->len - before)
		return bad(s, "its signature is cut off", e);
	if (get_new(s, s->len - before - len, len, &der, e))
		return -1;
	ret->is_signed = true;
	return cert_signer(der, len, a, &ret->signer, e);
}

static int parse(const struct source *s, struct arena *a, struct sys_module *ret, struct err *e)
{
	struct sys_module m = { 0 };

	if (read_modinfo(s, a, &m, e) || read_signature(s, a, &m, e))
		return -1;
	*ret = m;
	return 0;
}

int module_parse(const void *bytes, size_t len, const char *name, struct arena *a,
		 struct sys_module *ret, struct err *e)
{
	struct source s = { .fd = -1, .bytes = bytes, .len = len, .name = name };

	return parse(&s, a, ret, e);
}

int real_module(const struct sys *s, const char *path, struct arena *a, struct sys_module *ret,
		struct err *e)
{
	auto_close int fd =
		path_open(real_root_fd(s), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, PATH_FOLLOW);
	auto_free char *shown = real_shown(s, path);
	auto_buf struct buf plain = BUF_INIT((size_t)256 << 20);
	struct stat st;
	struct source file;

	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, errno, "reading '%s'", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, GP_IO, "'%s' is not a regular file", shown);
	if (!str_ends(path, ".ko")) {
		if (unpack(fd, shown, &plain, e))
			return -1;
		return module_parse(buf_str(&plain), plain.len, shown, a, ret, e);
	}
	file = (struct source){ .fd = fd, .len = (size_t)st.st_size, .name = shown };
	return parse(&file, a, ret, e);
}
