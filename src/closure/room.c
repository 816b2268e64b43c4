/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for what a plan comes to? */
#include "closure/room.h"

#include "base/str.h"

#include <string.h>

static void add_size(struct buf *b, long long bytes)
{
	str_size(b, bytes < 0 ? 0 : (unsigned long long)bytes);
}

/* What is free on a file system, and what the plan takes of it. */
struct file_system {
	const struct fact_mount *mount;
	long long need;
	bool guessed;
	struct buf parts;
};

struct judging {
	const struct facts *facts;
	LIST(struct file_system) all;
};

/* Mounts that have the very same room are one file system: each is measured once. */
static void take(struct judging *j, struct arena *a, const struct plan_room *room)
{
	const struct fact_mount *m = facts_mount(j->facts, room->path);
	struct file_system *fs = NULL;

	if (!m || room->bytes <= 0)
		return;
	list_each (&j->facts->mounts, above)
		if (above->free_bytes == m->free_bytes && strlen(above->path) < strlen(m->path))
			m = above;
	list_each (&j->all, it)
		if (it->mount->free_bytes == m->free_bytes)
			fs = it;
	if (!fs) {
		fs = list_push(a, &j->all);
		*fs = (struct file_system){ .mount = m, .parts = BUF_TEXT };
	}
	fs->need += room->bytes;
	fs->guessed |= room->guessed;
	buf_addf(&fs->parts, "%s%s: %s", fs->parts.len ? ", " : "", room->what,
		 room->guessed ? "about " : "");
	add_size(&fs->parts, room->bytes);
}

static void judge(struct plan *plan, const struct file_system *fs)
{
	bool lacking = fs->need > fs->mount->free_bytes, certain = lacking && !fs->guessed;
	auto_buf struct buf b = BUF_TEXT;
	struct diag *d;

	if (fs->need + fs->need / 5 <= fs->mount->free_bytes)
		return;
	add_size(&b, fs->need);
	buf_addf(&b, ", and %s%s has ", *fs->mount->path == '/' ? "" : "/", fs->mount->path);
	add_size(&b, fs->mount->free_bytes);
	d = diag_add(&plan->diags, certain ? SEV_ERROR : SEV_WARNING, GP_NO_SPACE, NULL,
		     "the plan takes %s%s%s", fs->guessed ? "about " : "", buf_str(&b),
		     lacking ? "" : ": hardly more");
	diag_why(&plan->diags, d, "%s", buf_str(&fs->parts));
	diag_way(&plan->diags, d, NULL,
		 "make room there, then plan again (apt-get clean frees /var/cache/apt/archives)");
}

/* What the solver guessed before the exact set was known. */
static void forget_guess(struct diags *diags)
{
	size_t n = 0;

	list_each (&diags->list, d)
		if (d->severity == SEV_ERROR || d->code != GP_NO_SPACE)
			diags->list.at[n++] = *d;
	diags->list.n = n;
}

void room_judge(struct plan *plan, const struct facts *f)
{
	auto_arena struct arena a = { 0 };
	struct judging j = { f, { 0 } };
	struct plan_room download = { "var/cache/apt/archives", "packages to download", 0, false };
	struct plan_room disk = { "usr", "packages to install", 0, false };

	forget_guess(&plan->diags);
	list_each (&plan->steps, s)
		list_each (&s->packages, p) {
			download.bytes += p->download;
			disk.bytes += p->disk;
		}
	take(&j, &a, &download);
	take(&j, &a, &disk);
	list_each (&plan->room, room)
		take(&j, &a, room);
	list_each (&j.all, fs) {
		judge(plan, fs);
		buf_release(&fs->parts);
	}
}
