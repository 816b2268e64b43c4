/* SPDX-License-Identifier: Apache-2.0 */
/* TOML read by toml++, the only file that sees its headers. */
#include "edit/toml_reader.h"

/*
 * NDEBUG: toml++ 3.3 asserts where it should refuse. Without formatters, and with from_chars in
 * place of streams, the static libstdc++ adds 240 KiB to the program, not 650.
 */
#ifndef NDEBUG
#define NDEBUG
#endif
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_INT_CHARCONV 1
#define TOML_FLOAT_CHARCONV 1
#define TOML_MAX_NESTED_VALUES 256

#include <charconv>
#include <cmath>
#include <cstring>
#include <toml++/toml.h>

namespace
{
struct walk {
	toml_listener *listener;
	void *ctx;
};

toml_time no_time()
{
	toml_time t{};

	t.year = -1;
	t.hour = -1;
	return t;
}

void put_date(toml_time &t, const toml::date &d)
{
	t.year = d.year;
	t.month = d.month;
	t.day = d.day;
}

void put_clock(toml_time &t, const toml::time &c)
{
	t.hour = c.hour;
	t.minute = c.minute;
	t.second = c.second;
	t.nanosecond = static_cast<long>(c.nanosecond);
}

toml_time time_of(const toml::node &n)
{
	toml_time t = no_time();

	if (const auto *date = n.as_date())
		put_date(t, date->get());
	if (const auto *clock = n.as_time())
		put_clock(t, clock->get());
	if (const auto *both = n.as_date_time()) {
		put_date(t, both->get().date);
		put_clock(t, both->get().time);
		t.offset = both->get().offset.has_value();
		t.offset_minutes = t.offset ? both->get().offset->minutes : 0;
	}
	return t;
}

void visit(const walk &w, const toml::node &n, toml_event event);

void visit_members(const walk &w, const toml::node &n)
{
	toml_event event{};

	if (const toml::table *table = n.as_table()) {
		for (auto &&[key, value] : *table) {
			event.key = key.str().data();
			event.key_len = key.str().size();
			visit(w, value, event);
		}
	} else {
		for (auto &&value : *n.as_array())
			visit(w, value, event);
	}
	event = toml_event{};
	event.type = TOML_END;
	w.listener(w.ctx, &event);
}

void visit_scalar(const walk &w, const toml::node &n, toml_event event)
{
	if (const auto *s = n.as_string()) {
		event.type = TOML_STRING;
		event.text = s->get().data();
		event.len = s->get().size();
	} else if (const auto *i = n.as_integer()) {
		event.type = TOML_INT;
		event.integer = i->get();
	} else if (const auto *f = n.as_floating_point()) {
		event.type = TOML_FLOAT;
		event.real = f->get();
	} else if (const auto *b = n.as_boolean()) {
		event.type = TOML_BOOL;
		event.integer = b->get();
	} else {
		event.type = TOML_TIME;
		event.time = time_of(n);
	}
	w.listener(w.ctx, &event);
}

void visit(const walk &w, const toml::node &n, toml_event event)
{
	if (!n.is_table() && !n.is_array()) {
		visit_scalar(w, n, event);
		return;
	}
	event.type = n.is_table() ? TOML_TABLE : TOML_ARRAY;
	w.listener(w.ctx, &event);
	visit_members(w, n);
}
} // namespace

int toml_read(const char *text, size_t len, toml_listener *listener, void *ctx,
	      struct toml_refusal *ret)
{
	toml::parse_result result = toml::parse(std::string_view(text, len));
	walk w{ listener, ctx };

	if (result) {
		visit(w, result.table(), toml_event{});
		return 0;
	}
	const toml::parse_error &error = result.error();
	const std::string_view why = error.description();
	const size_t n = why.size() < sizeof(ret->text) ? why.size() : sizeof(ret->text) - 1;

	memcpy(ret->text, why.data(), n);
	ret->text[n] = '\0';
	ret->line = error.source().begin.line;
	ret->col = error.source().begin.column;
	return -1;
}

bool toml_float_is(const char *text, size_t len, double real)
{
	double value = 0;

	if (std::isnan(real))
		return len >= 3 && memcmp(text + len - 3, "nan", 3) == 0;
	const auto done = std::from_chars(text, text + len, value);

	return done.ec == std::errc() && done.ptr == text + len &&
	       memcmp(&value, &real, sizeof(value)) == 0;
}
