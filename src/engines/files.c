/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a container engine: writing them, and putting them back. */
#include "engines/engine.h"

#include "base/str.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <string.h>

static const struct rec_row file_rows[] = {
	REC_ROW(struct engine_saved_file, real, REC_STR, "the file, beneath the root"),
	{ .name = "kept",
	  .type = REC_OBJ,
	  .offset = offsetof(struct engine_saved_file, kept),
	  .rows = sys_kept_rows,
	  .help = "the file as it was" },
	{ .name = "record",
	  .type = REC_OBJ,
	  .offset = offsetof(struct engine_saved_file, record),
	  .rows = edit_record_rows,
	  .help = "what was changed in it" },
	REC_END,
};

const struct rec_row engine_saved_rows[] = {
	{ .name = "files",
	  .type = REC_LIST,
	  .offset = offsetof(struct engine_saved, files),
	  .rows = file_rows,
	  .size = sizeof(struct engine_saved_file),
	  .help = "the files" },
	REC_ROW(struct engine_saved, folders, REC_STRS, "folders that were not there"),
	REC_END,
};

/* ---- writing ---- */

/* The folder that is there and will have the file in the end. */
static int existing_folder(const struct sys *sys, const char *path, struct arena *a,
			   const char **ret, struct err *e)
{
	const char *folder = runtime_folder(a, path);
	struct sys_stat st;

	for (;;) {
		if (sys_stat(sys, folder, &st, e))
			return -1;
		if (!*folder || st.type == SYS_DIR)
			break;
		folder = runtime_folder(a, folder);
	}
	*ret = folder;
	return 0;
}

/* Folders that a user lacks are made by him: ours would be root's. */
static int his_to_make(const struct sys *sys, const struct engine_view *v, const char *real,
		       const char *there, struct err *e)
{
	const char *folder = runtime_folder(v->a, real);
	struct sys_stat st;

	if (str_eq(folder, there))
		return 0;
	if (sys_stat(sys, there, &st, e))
		return -1;
	if (!*there || (!st.uid && !st.gid))
		return 0;
	err_set(e, GP_EDIT_PRECONDITION, "'/%s' is not there, and '/%s' belongs to a user", folder,
		there);
	err_way(e, "let the user make it: mkdir -p '/%s'", folder);
	return -1;
}

int engine_writable(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	list_each (&v->answer.writes, w) {
		const char *folder, *real = engine_file(v, w->path)->real;
		struct sys_space space;

		if (existing_folder(sys, real, v->a, &folder, e) ||
		    his_to_make(sys, v, real, folder, e) || sys_space(sys, folder, &space, e))
			return -1;
		if (!space.read_only)
			continue;
		err_set(e, GP_READ_ONLY, "'%s' is on a read-only file system", w->path);
		err_way(e, "mount it writable: mount -o remount,rw the file system of '/%s'",
			folder);
		return -1;
	}
	return 0;
}

/* CRI-O loads every file of its folder, whatever its name: nothing half-made may be there. */
static const char *maker(const struct engine_view *v, const char *real)
{
	const char *folder = runtime_folder(v->a, real);

	return str_eq(v->runtime->name, "crio") ? runtime_folder(v->a, folder) : NULL;
}

/* A new file in somebody's own folder is his: the daemon of a user reads his configuration. */
static int owner_of(const struct sys *sys, const struct engine_view *v, const struct engine_file *f,
		    struct sys_attr *ret, struct err *e)
{
	const char *folder;
	struct sys_stat st;

	if (existing_folder(sys, f->real, v->a, &folder, e) || sys_stat(sys, folder, &st, e))
		return -1;
	ret->uid = st.uid;
	ret->gid = st.gid;
	return 0;
}

static int put(const struct sys *sys, const struct engine_view *v, const struct engine_file *f,
	       const struct sys_stat *since, const char *text, size_t len, struct err *e)
{
	struct sys_attr attr = { .mode = 0644, .since = since, .made_in = maker(v, f->real) };
	const char *folder = runtime_folder(v->a, f->real);

	if (f->st.type == SYS_FILE) {
		attr.mode = f->st.mode;
		attr.uid = f->st.uid;
		attr.gid = f->st.gid;
	}
	if (f->st.type != SYS_FILE && owner_of(sys, v, f, &attr, e))
		return -1;
	if (*folder && sys_mkdirs(sys, folder, 0755, e))
		return -1;
	return sys_replace(sys, f->real, text, len, &attr, e);
}

/* Was an interim text put in its place? Then it is ours, and no longer the one that was read. */
static bool told_between(const struct sys *sys, const struct engine_view *v,
			 const struct runtime_write *w)
{
	return w->interim && sys->live && !v->hands_off;
}

static int write_one(const struct sys *sys, const struct engine_view *v,
		     const struct runtime_write *w, bool interim, struct err *e)
{
	const struct engine_file *f = engine_file(v, w->path);
	char now[SYS_DIGEST];

	if (interim)
		return w->interim ? put(sys, v, f, &f->st, w->interim, w->interim_len, e) : 0;
	if (w->text)
		return put(sys, v, f, told_between(sys, v, w) ? NULL : &f->st, w->text, w->len, e);
	if (sys_digest(sys, f->real, now, e))
		return -1;
	if (*now && w->record.before && !told_between(sys, v, w) &&
	    !str_eq(now, w->record.before)) {
		err_set(e, GP_FOREIGN_CHANGE,
			"'%s' was changed by somebody else just now; it is "
			"left alone",
			w->path);
		err_way(e, "run this again: it starts from what is there then");
		return -1;
	}
	return sys_remove(sys, f->real, e);
}

const struct runtime_file *engine_was(const struct engine_view *v, const char *path)
{
	if (str_eq(v->ask.file.path, path))
		return &v->ask.file;
	list_each (&v->ask.others, other)
		if (str_eq(other->path, path))
			return other;
	return NULL;
}

void engine_text(const struct engine_view *v, const char *path, bool after, const char **ret,
		 size_t *ret_len)
{
	const struct runtime_file *was = engine_was(v, path);

	*ret = was ? was->text : NULL;
	*ret_len = was ? was->len : 0;
	list_each (&v->answer.writes, w) {
		if (!after || !str_eq(w->path, path))
			continue;
		*ret = w->text;
		*ret_len = w->len;
	}
}

/* *ret counts what is written also when it fails: that is what must be put back. */
static int write_all(const struct sys *sys, const struct engine_view *v, bool interim, size_t *ret,
		     struct err *e)
{
	size_t n = 0;

	list_each (&v->answer.writes, w) {
		if (write_one(sys, v, w, interim, e))
			return err_ctx(e, "writing the configuration of %s", v->runtime->name);
		if (++n > *ret)
			*ret = n;
	}
	return 0;
}

static int unwrite(const struct sys *sys, const struct engine_view *v, size_t n, struct err *e)
{
	while (n-- > 0) {
		const char *path = v->answer.writes.at[n].path, *text;
		const struct engine_file *f = engine_file(v, path);
		size_t len;

		engine_text(v, path, false, &text, &len);
		if (text ? put(sys, v, f, NULL, text, len, e) : sys_remove(sys, f->real, e))
			return err_ctx(e, "putting the old configuration of %s back",
				       v->runtime->name);
	}
	return 0;
}

/* ---- all of it ---- */

/* What the daemon needs when its files are right and it does not know: it was cut off before. */
static enum runtime_effect effect_now(const struct engine_view *v, enum engine_state before)
{
	if (v->answer.writes.n || before != ENGINE_IGNORANT)
		return v->answer.effect;
	return engine_reloads(v->runtime->name) ? RUNTIME_RELOAD : RUNTIME_RESTART;
}

/* On a reload a daemon may keep the values of keys that are gone: first give them their defaults.
 */
static int write_interim(const struct sys *sys, const struct engine_view *v, size_t *written,
			 struct err *e)
{
	bool any = false;

	list_each (&v->answer.writes, w)
		any |= w->interim != NULL;
	if (!any || !sys->live || v->hands_off)
		return 0;
	/*
	 * Two signals of a kind that come close together are one, and the daemon would never see
	 * what is between: it gets the time to read this.
	 */
	return write_all(sys, v, true, written, e) || engine_tell(sys, v, RUNTIME_RELOAD, e) ||
			       engine_pause(sys, 6, e) ?
		       -1 :
		       0;
}

/* The daemon goes on with what it had. What cannot be put back is the worse news. */
static int give_up(const struct sys *sys, const struct engine_view *v, size_t written,
		   enum runtime_effect effect, struct err *e)
{
	auto_err worse = { 0 };

	if (!written)
		return -1;
	if (unwrite(sys, v, written, &worse) == 0 && engine_tell(sys, v, effect, &worse) == 0) {
		err_way(e, "the old configuration is back in force; nothing else was changed");
		return -1;
	}
	err_way(e, "%s", worse.text);
	return -1;
}

int engine_carry_out(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	enum engine_state before;
	enum runtime_effect effect;
	size_t written = 0;

	if (engine_validate(sys, v, e) || engine_state(sys, v, &before, e))
		return -1;
	effect = effect_now(v, before);
	if (write_interim(sys, v, &written, e) || write_all(sys, v, false, &written, e) ||
	    engine_tell(sys, v, effect, e) || engine_await(sys, v, before != ENGINE_SILENT, e))
		return give_up(sys, v, written, effect, e);
	return 0;
}

int engine_put_back(const struct sys *sys, const struct engine_saved_file *file, struct arena *a,
		    struct err *e)
{
	auto_buf struct buf text = BUF_INIT(EDIT_MAX_BYTES);
	const char *after = file->record.after ? file->record.after : "";
	char now[SYS_DIGEST];
	struct edit_result r;
	bool there, gone;

	if (sys_digest(sys, file->real, now, e) || sys_read_if(sys, file->real, &text, &there, e))
		return -1;
	if (!there || str_eq(now, after) || (file->kept.there && str_eq(now, file->kept.sha256)))
		return sys_put_back(sys, file->real, &file->kept, e);
	edit_undo(a, &file->record, arena_strn(a, buf_str(&text), text.len), text.len, hash_bytes,
		  &r, &gone);
	if (r.issues.n)
		return edit_err(&r.issues.at[0], file->real, e);
	if (gone)
		return sys_remove(sys, file->real, e);
	return r.changed ? sys_replace(sys, file->real, r.text, r.len, NULL, e) : 0;
}

int engine_sweep(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	list_each (&v->files, f) {
		const char *made_in = maker(v, f->real);
		const char *dir = made_in ? made_in : runtime_folder(v->a, f->real);
		strs names = { 0 };

		if (sys_list(sys, dir, v->a, &names, e))
			return -1;
		list_each (&names, name)
			if (str_starts(*name, SYS_TEMP_HEAD) && str_ends(*name, SYS_TEMP_TAIL) &&
			    sys_remove(sys, arena_printf(v->a, "%s/%s", dir, *name), e))
				return -1;
	}
	return 0;
}
