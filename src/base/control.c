/* SPDX-License-Identifier: Apache-2.0 */
/* Debian control files. */
#include "base/control.h"

#include <string.h>
#include <strings.h>

bool control_stanza(struct piece *rest, struct piece *ret)
{
	struct piece line;

	*ret = (struct piece){ 0 };
	while (str_line(rest, &line)) {
		bool blank = !str_trim(line).len;

		if (blank && ret->at)
			return true;
		if (blank)
			continue;
		if (!ret->at)
			ret->at = line.at;
		ret->len = (size_t)(line.at + line.len - ret->at);
	}
	return ret->at != NULL;
}

static bool continues(struct piece rest)
{
	return rest.len && (*rest.at == ' ' || *rest.at == '\t');
}

struct piece control_get(struct piece stanza, const char *field)
{
	size_t n = strlen(field);
	struct piece line;

	while (str_line(&stanza, &line)) {
		struct piece value;

		if (line.len <= n || line.at[n] != ':' || strncasecmp(line.at, field, n) != 0)
			continue;
		value = (struct piece){ line.at + n + 1, line.len - n - 1 };
		while (continues(stanza) && str_line(&stanza, &line))
			value.len = (size_t)(line.at + line.len - value.at);
		return str_trim(value);
	}
	return (struct piece){ "", 0 };
}
