/* SPDX-License-Identifier: Apache-2.0 */
/* The first boot: a script that brings gpuprov and a profile, and user data for cloud-init. */
#include "emit/emit.h"
#include "profile/schema.h"

#include <string.h>

static struct diag *refuse(struct emit *em, enum code code, const char *path, const char *what)
{
	struct span at = path ? profile_at(em->profile, path) : (struct span){ 0 };

	return diag_add(em->diags, SEV_ERROR, code, at.line ? &at : NULL, "%s", what);
}

static bool is_url(const char *text)
{
	return str_starts(text, "https://") || str_starts(text, "http://");
}

/* Whoever fetches a package says which bytes it must have. */
static void check_delivery(struct emit *em)
{
	static const struct schema_row url = { .type = SCHEMA_URL }, path = { .type = SCHEMA_PATH },
				       sha256 = { .type = SCHEMA_SHA256 };
	const char *fault;
	struct diag *d;

	if (em->sha256 && schema_fault(&sha256, em->sha256)) {
		d = refuse(em, GP_BAD_VALUE, NULL, "--sha256 takes 64 hex digits");
		diag_way(em->diags, d, NULL, "ask for them: sha256sum FILE");
	}
	if (!em->deb)
		return;
	fault = schema_fault(is_url(em->deb) ? &url : &path, em->deb);
	if (fault) {
		d = refuse(em, GP_BAD_VALUE, NULL, "--deb takes a URL or an absolute path");
		diag_why(em->diags, d, "%s", fault);
		diag_way(em->diags, d, NULL, "leave --deb out where the image has gpuprov already");
	} else if (is_url(em->deb) && !em->sha256) {
		d = refuse(em, GP_BAD_VALUE, NULL, "a package from a URL needs --sha256");
		diag_why(em->diags, d, "bytes that nobody vouches for are not installed");
		diag_way(em->diags, d, NULL, "add --sha256 HEX, as sha256sum prints it");
	}
}

/* Only the profile itself goes along. */
static void check_alone(struct emit *em)
{
	static const char *const files[] = { "driver.runfile.path", "apt.keyring" };
	struct diag *d;

	if (em->profile->text.base) {
		d = refuse(em, GP_CONTRADICTION, "extends",
			   "the profile extends another file, which the new host does not have");
		diag_way(em->diags, d, NULL, "write all of it into one file");
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct span at = profile_at(em->profile, files[i]);

		if (!profile_given(em->profile, files[i]))
			continue;
		d = diag_add(em->diags, SEV_WARNING, GP_CONTRADICTION, &at,
			     "the new host must have this file already");
		diag_why(em->diags, d, "only the profile is brought to it");
	}
}

/* Plain ASCII lines can stand in YAML and be read by people. */
static bool is_plain(const struct profile_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if ((unsigned char)t->bytes[i] >= 0x7f ||
		    ((unsigned char)t->bytes[i] < 0x20 && t->bytes[i] != '\n'))
			return false;
	return t->len && t->bytes[t->len - 1] == '\n';
}

static const char *base64(struct emit *em, const char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	auto_buf struct buf b = BUF_TEXT;

	for (size_t i = 0; i < len; i += 3) {
		unsigned n = 0;

		for (size_t k = 0; k < 3; k++)
			n = n << 8 | (i + k < len ? (unsigned char)bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_addc(&b, i + k <= len ? digits[n >> (18 - 6 * k) & 63] : '=');
	}
	return arena_str(em->a, buf_str(&b));
}

static int add_script(struct emit *em, struct holes *h, bool write_profile, struct buf *ret,
		      struct err *e)
{
	bool url = em->deb && is_url(em->deb);

	hole_text(h, "deb-url", url ? em->deb : NULL);
	hole_text(h, "deb-path", em->deb && !url ? em->deb : NULL);
	hole_text(h, "deb-sha256", em->sha256);
	hole_flag(h, "write-profile", write_profile);
	hole_text(h, "profile", em->profile->text.bytes);
	return emit_part(em, "first-boot/script.in", TEMPLATE_SHELL, h, ret, e);
}

int emit_shell(struct emit *em, struct buf *ret, struct err *e)
{
	struct holes h = { .a = em->a };

	check_delivery(em);
	check_alone(em);
	return diag_count(em->diags, SEV_ERROR) ? 0 : add_script(em, &h, true, ret, e);
}

void emit_check_user_data(struct emit *em, size_t size, bool packed)
{
	const struct record *r =
		em->platform ? catalog_find(em->catalog, "user-data", em->platform) : NULL;
	unsigned long long limit;
	struct diag *d;

	if (packed && r && record_is(r, "text", "yes")) {
		d = refuse(em, GP_USAGE, NULL,
			   arena_printf(em->a, "%s takes text only, and --gzip makes none",
					em->platform));
		diag_way(em->diags, d, NULL, "leave --gzip out: there is room for more");
	}
	if (!r || !str_to_u64(record_get(r, "bytes"), &limit) || size <= limit)
		return;
	d = refuse(em, GP_TOO_LARGE, NULL,
		   arena_printf(em->a, "%zu bytes of user data; %s takes %llu", size, em->platform,
				limit));
	if (!packed && !record_is(r, "text", "yes"))
		diag_way(em->diags, d, NULL, "compress it: --gzip");
	diag_way(em->diags, d, NULL,
		 "make the profile smaller: leave out comments and what is the default");
	diag_way(em->diags, d, NULL, "put the profile into the image, and run gpuprov from there");
}

int emit_cloud_init(struct emit *em, struct buf *ret, struct err *e)
{
	const struct profile_text *text = &em->profile->text;
	auto_buf struct buf script = BUF_TEXT, whole = BUF_TEXT;
	struct holes h = { .a = em->a }, of_script = { .a = em->a };

	check_delivery(em);
	check_alone(em);
	if (diag_count(em->diags, SEV_ERROR))
		return 0;
	if (add_script(em, &of_script, false, &script, e))
		return -1;
	hole_text(&h, "profile-base64", is_plain(text) ? NULL : base64(em, text->bytes, text->len));
	hole_block(&h, "profile-lines", is_plain(text) ? text->bytes : NULL);
	hole_block(&h, "script-lines", buf_str(&script));
	hole_flag(&h, "reboot", !profile_is(em->profile, "reboot", "never"));
	if (emit_part(em, "first-boot/cloud-init.yaml", TEMPLATE_YAML, &h, &whole, e))
		return -1;
	buf_add(ret, buf_str(&whole), whole.len);
	return 0;
}
