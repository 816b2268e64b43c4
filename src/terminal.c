/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal. */
#include "terminal.h"

#include "base/str.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

bool terminal_is(FILE *stream)
{
	return isatty(fileno(stream));
}

static unsigned columns(FILE *stream)
{
	const char *text = getenv("COLUMNS");
	unsigned long long n;
	struct winsize w;

	if (text && str_to_u64(text, &n) && n >= 20 && n <= 1000)
		return (unsigned)n;
	if (!terminal_is(stream))
		return 0;
	if (ioctl(fileno(stream), TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
		return w.ws_col;
	return 80;
}

static bool colour(const struct options *o, FILE *stream)
{
	const char *when = o ? opt_value(o, OPT_COLOR) : NULL;

	if (str_eq(when, "always"))
		return true;
	if (str_eq(when, "never") || !str_empty(getenv("NO_COLOR")) ||
	    str_eq(getenv("TERM"), "dumb"))
		return false;
	return terminal_is(stream);
}

/* What the locale says, without setting one: nothing else may depend on it. */
static bool knows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (!str_empty(value))
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

struct style terminal_style(const struct options *o, FILE *stream)
{
	return (struct style){
		.width = columns(stream),
		.colour = colour(o, stream),
		.ascii = terminal_is(stream) && !knows_utf8(),
	};
}

bool terminal_confirm(const char *question)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO) || !terminal_is(stderr))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin)) {
		fputc('\n', stderr);
		return false;
	}
	return str_eq(answer, "y\n") || str_eq(answer, "Y\n") || str_eq(answer, "yes\n");
}

/* ---- progress ---- */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void progress_init(struct progress *p, const struct options *o)
{
	*p = (struct progress){ .to = stderr, .style = terminal_style(o, stderr) };
	p->redraw = terminal_is(stderr) && !str_eq(getenv("TERM"), "dumb");
}

void progress_clear(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", p->to);
	fflush(p->to);
	p->drawn = false;
}

static void add_amounts(struct buf *b, const struct step_progress *at)
{
	if (!at->bytes) {
		buf_addf(b, "%3lld%%  %s", at->done * 100 / at->total, at->what);
		return;
	}
	buf_addf(b, "%s  ", at->what);
	str_size(b, (unsigned long long)at->done);
	buf_adds(b, " of ");
	str_size(b, (unsigned long long)at->total);
	if (at->rate > 0) {
		long long left = (at->total - at->done) / at->rate;

		buf_adds(b, "  ");
		str_size(b, (unsigned long long)at->rate);
		buf_addf(b, "/s  %lld:%02lld left", left / 60, left % 60);
	}
}

/* Cut to the width of the terminal, so that redrawing one line never leaves half of it behind. */
static void draw(struct progress *p, struct buf *line)
{
	unsigned width = p->style.width ? p->style.width - 1 : 79;
	size_t at = 0, cells = 0;

	while (at < line->len) {
		unsigned c = 0;
		int n = utf8_next(line->data + at, line->len - at, &c);
		unsigned w = n > 0 ? utf8_char_width(c) : 1;

		if (cells + w > width)
			break;
		cells += w;
		at += n > 0 ? (size_t)n : 1;
	}
	buf_cut(line, at);
	fprintf(p->to, "\r\033[K%s", buf_str(line));
	fflush(p->to);
	p->drawn = true;
}

void progress_show(struct progress *p, const char *what, const struct step_progress *at)
{
	auto_buf struct buf line = BUF_TEXT;
	long long now = now_ms();

	if (!p->redraw && at->aloud)
		fprintf(p->to, "%s  %s\n", what, at->what);
	if (!p->redraw || (p->drawn && !at->aloud && now - p->last_ms < 100))
		return;
	p->last_ms = now;
	buf_addf(&line, "%s  ", what);
	if (at->total > 0)
		add_amounts(&line, at);
	else
		buf_adds(&line, at->what);
	draw(p, &line);
}

static void end_line(struct progress *p, const struct exec_event *ev, const char *word)
{
	auto_buf struct buf line = BUF_TEXT;
	long long tenths = (now_ms() - p->begin_ms) / 100;

	progress_clear(p);
	render_step_head(ev->step, &p->style, &line);
	fprintf(p->to, "%s  %s  %lld.%lld s\n", buf_str(&line), word, tenths / 10, tenths % 10);
}

void progress_event(void *ctx, const struct exec_event *ev)
{
	struct progress *p = ctx;
	auto_buf struct buf head = BUF_TEXT;

	buf_addf(&head, "%2zu/%zu %s", ev->number, ev->total, ev->step->kind);
	switch (ev->kind) {
	case EXEC_BEGIN:
		p->begin_ms = now_ms();
		if (!p->redraw)
			fprintf(p->to, "%s  %s ...\n", buf_str(&head), ev->step->what);
		break;
	case EXEC_PROGRESS:
		progress_show(p, buf_str(&head), ev->progress);
		break;
	case EXEC_KEPT:
		p->begin_ms = now_ms();
		end_line(p, ev, "already there");
		break;
	case EXEC_DONE:
		end_line(p, ev, "done");
		break;
	case EXEC_FAILED:
		end_line(p, ev, "FAILED");
		break;
	}
}
