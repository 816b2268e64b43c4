/* SPDX-License-Identifier: Apache-2.0 */
/* Values from the profile that a cluster would refuse, found before it is asked. */
#include "base/diag.h"
#include "emit/k8s.h"
#include "profile/schema.h"

#include <ctype.h>
#include <string.h>

static struct diag *refuse(struct emit *em, const struct value *v, const char *path,
			   const char *what)
{
	struct span at = v ? v->at : profile_at(em->profile, path);

	return diag_add(em->diags, SEV_ERROR, GP_BAD_VALUE, at.line ? &at : NULL, "%s", what);
}

static const char *shown(struct emit *em, const char *text)
{
	auto_buf struct buf b = BUF_TEXT;

	str_escape(&b, text, strlen(text));
	return arena_str(em->a, buf_str(&b));
}

/* Parts of letters, digits and what `also` has, that begin and end with a letter or digit. */
static bool is_made_of(const char *text, size_t n, const char *also)
{
	if (!n || n > 63 || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(also, text[i]))
			return false;
	return true;
}

static bool is_label_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (isupper((unsigned char)*p))
			return false;
	return is_made_of(text, strlen(text), "-");
}

/* Such names with dots between them, 253 characters at most. */
static bool is_subdomain(const char *text, size_t n)
{
	if (!n || n > 253)
		return false;
	while (n) {
		const char *dot = memchr(text, '.', n);
		size_t part = dot ? (size_t)(dot - text) : n;

		if (!is_made_of(text, part, "-"))
			return false;
		for (size_t i = 0; i < part; i++)
			if (isupper((unsigned char)text[i]))
				return false;
		if (dot && part + 1 == n)
			return false;
		n -= part + (dot ? 1 : 0);
		text += part + (dot ? 1 : 0);
	}
	return true;
}

/* The key of a label or a taint: [subdomain/]name. */
static bool is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *name = slash ? slash + 1 : text;

	return (!slash || is_subdomain(text, (size_t)(slash - text))) &&
	       is_made_of(name, strlen(name), "-_.");
}

static bool is_label_value(const char *text)
{
	return !*text || is_made_of(text, strlen(text), "-_.");
}

static void check_namespace(struct emit *em)
{
	static const char *const taken[] = { "default", "kube-system", "kube-public",
					     "kube-node-lease" };
	const char *name = profile_get(em->profile, "kubernetes.namespace");
	struct diag *d;

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		if (!str_eq(name, taken[i]))
			continue;
		d = refuse(em, NULL, "kubernetes.namespace",
			   arena_printf(em->a, "the namespace %s is the cluster's own", name));
		diag_why(em->diags, d,
			 "gpuprov labels its namespace as privileged, and removes it "
			 "with what is in it when it is rolled back");
		diag_way(em->diags, d, "kubernetes.namespace=nvidia-gpu",
			 "write namespace: nvidia-gpu, or leave it out");
	}
	if (is_label_name(name))
		return;
	d = refuse(em, NULL, "kubernetes.namespace",
		   "a namespace is lower case letters, digits and "
		   "'-', at most 63");
	diag_way(em->diags, d, "kubernetes.namespace=nvidia-gpu",
		 "write namespace: nvidia-gpu, or leave it out");
}

static void check_subdomain(struct emit *em, const struct value *v, const char *path,
			    const char *text, const char *what)
{
	struct diag *d;

	if (is_subdomain(text, strlen(text)))
		return;
	d = refuse(em, v, path,
		   arena_printf(em->a, "'%s' is no name for %s", shown(em, text), what));
	diag_way(em->diags, d, NULL, "use lower case letters, digits, '-' and '.'");
}

static void check_labels(struct emit *em)
{
	const struct value *labels = profile_given(em->profile, "kubernetes.node-selector");
	struct diag *d;

	if (!labels)
		return;
	list_each (&labels->items, it) {
		if (is_label_key(it->key) && is_label_value(it->text ? it->text : ""))
			continue;
		d = refuse(em, it, NULL,
			   arena_printf(em->a, "'%s' is no label of a node", shown(em, it->key)));
		diag_way(em->diags, d, NULL,
			 "a label has letters, digits, '-', '_', '.', at most 63 of them, and may "
			 "have a domain before a '/'");
	}
}

/* ---- tolerations and resources: handed on, so their shape is checked here ---- */

struct field {
	const char *name;
	const char *const *words; /* NULL = see below */
	bool number;
};

static const struct field *field_of(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (str_eq(fields->name, name))
			return fields;
	return NULL;
}

static bool is_number(const char *text)
{
	unsigned long long number;

	return str_to_u64(text, &number);
}

static bool field_holds(const struct field *f, const struct value *v)
{
	if (v->form != VALUE_TEXT)
		return false;
	if (f->number)
		return !v->quoted && is_number(v->text);
	for (size_t i = 0; f->words && f->words[i]; i++)
		if (str_eq(f->words[i], v->text))
			return true;
	if (f->words)
		return false;
	return str_eq(f->name, "key") ? is_label_key(v->text) : is_label_value(v->text);
}

static void check_toleration(struct emit *em, const struct value *v)
{
	static const char *const operators[] = { "Exists", "Equal", NULL };
	static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute",
					       NULL };
	static const struct field fields[] = {
		{ "key", NULL, false },
		{ "operator", operators, false },
		{ "value", NULL, false },
		{ "effect", effects, false },
		{ "tolerationSeconds", NULL, true },
		{ NULL, NULL, false },
	};
	struct diag *d;

	if (v->form != VALUE_MAP) {
		d = refuse(em, v, NULL, "a toleration is a map");
		diag_way(em->diags, d, NULL, "write - {key: nvidia.com/gpu, operator: Exists}");
		return;
	}
	list_each (&v->items, it) {
		const struct field *f = field_of(fields, it->key);

		if (f && field_holds(f, it))
			continue;
		d = refuse(
			em, it, NULL,
			f ? arena_printf(em->a, "this cannot be the %s of a toleration", it->key) :
			    arena_printf(em->a, "a toleration has no '%s'", shown(em, it->key)));
		diag_way(em->diags, d, NULL,
			 "it has key, operator (Exists, Equal), value, effect (NoSchedule, "
			 "PreferNoSchedule, NoExecute) and tolerationSeconds");
	}
}

static void check_tolerations(struct emit *em)
{
	const struct value *v = profile_given(em->profile, "kubernetes.tolerations");
	struct diag *d;

	if (!v)
		return;
	if (v->form != VALUE_LIST) {
		d = refuse(em, v, NULL, "tolerations are a list");
		diag_way(em->diags, d, NULL, "write - {key: nvidia.com/gpu, operator: Exists}");
		return;
	}
	list_each (&v->items, it)
		check_toleration(em, it);
}

static bool is_amounts(const struct value *v)
{
	static const struct schema_row quantity = { .type = SCHEMA_QUANTITY };

	if (v->form != VALUE_MAP)
		return false;
	list_each (&v->items, it)
		if (it->form != VALUE_TEXT || !is_label_key(it->key) ||
		    schema_fault(&quantity, it->text))
			return false;
	return true;
}

static void check_resources(struct emit *em, const char *path)
{
	const struct value *v = profile_given(em->profile, path);
	bool good = v && v->form == VALUE_MAP;
	struct diag *d;

	if (!v)
		return;
	if (good)
		list_each (&v->items, it)
			good &= (str_eq(it->key, "requests") || str_eq(it->key, "limits")) &&
				is_amounts(it);
	if (good)
		return;
	d = refuse(em, v, NULL, "resources are requests and limits, each a map of quantities");
	diag_way(em->diags, d, NULL, "write {requests: {cpu: 100m, memory: 128Mi}}");
}

void k8s_check_names(struct emit *em)
{
	const struct value *secrets = profile_given(em->profile, "kubernetes.pull-secrets");
	const char *class = profile_get(em->profile, "kubernetes.runtime-class");

	check_namespace(em);
	check_subdomain(em, NULL, "kubernetes.runtime-class", class, "a RuntimeClass");
	if (secrets)
		list_each (&secrets->items, it)
			check_subdomain(em, it, NULL, it->text, "a secret");
	check_labels(em);
	check_tolerations(em);
	check_resources(em, "kubernetes.device-plugin.resources");
	check_resources(em, "kubernetes.dcgm-exporter.resources");
}
