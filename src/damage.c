/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the driver's packages compared with what dpkg unpacked. */
#include "damage.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define INFO "var/lib/dpkg/info"
enum { MD5_DIGITS = 32 };

/* A file that another package diverted lies elsewhere: it is not judged. */
static bool is_diverted(const char *diversions, const char *path)
{
	struct piece rest = PIECE(diversions), line;

	while (str_line(&rest, &line))
		if (line.len > 1 && piece_eq((struct piece){ line.at + 1, line.len - 1 }, path))
			return true;
	return false;
}

/* "d41d8cd98f00b204e9800998ecf8427e  usr/bin/nvidia-smi" */
static int judge(const struct sys *sys, struct facts *io, const char *package, const char *line,
		 const char *diversions, struct err *e)
{
	const char *path = line + MD5_DIGITS + 2;
	struct sys_sums sums = { .want = SUM_MD5 };
	auto_err unread = { 0 };
	struct sys_stat st;

	if (strlen(line) <= MD5_DIGITS + 2 || is_diverted(diversions, path))
		return 0;
	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type == SYS_ABSENT) {
		list_add(io->a, &io->damaged,
			 arena_printf(io->a, "%s of %s is gone", path, package));
		return 0;
	}
	/* What only root may read is not judged by anybody else. */
	if (st.type != SYS_FILE || sys_sum(sys, path, &sums, &unread))
		return 0;
	if (strncmp(line, sums.md5, MD5_DIGITS) != 0)
		list_add(io->a, &io->damaged,
			 arena_printf(io->a, "%s of %s is not as it was unpacked", path, package));
	return 0;
}

static int look_at(const struct sys *sys, struct facts *io, const struct fact_package *p,
		   const char *diversions, struct err *e)
{
	const char *names[] = {
		arena_printf(io->a, INFO "/%s.md5sums", p->name),
		arena_printf(io->a, INFO "/%s:%s.md5sums", p->name, p->arch),
	};

	for (size_t i = 0; i < 2; i++) {
		auto_buf struct buf text = BUF_INIT(4 << 20);
		struct piece rest, line;
		bool there;

		if (sys_read_if(sys, names[i], &text, &there, e))
			return -1;
		rest = (struct piece){ buf_str(&text), text.len };
		while (there && str_line(&rest, &line))
			if (judge(sys, io, p->name, arena_strn(io->a, line.at, line.len),
				  diversions, e))
				return -1;
	}
	return 0;
}

int damage_look(const struct sys *sys, struct facts *io, struct err *e)
{
	auto_buf struct buf diversions = BUF_INIT(4 << 20);
	bool there;

	if (sys_read_if(sys, "var/lib/dpkg/diversions", &diversions, &there, e))
		return -1;
	list_each (&io->packages, p)
		if (str_eq(p->status, "installed") && fact_of_driver(p->name) &&
		    look_at(sys, io, p, buf_str(&diversions), e))
			return -1;
	return 0;
}
