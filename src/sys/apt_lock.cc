/* SPDX-License-Identifier: Apache-2.0 */
/* The back end: waiting for locks that others hold. */
#include "sys/apt_session.hh"

#include <chrono>
#include <thread>

namespace
{

using namespace backend;
using Clock = std::chrono::steady_clock;

/* Often enough that a lock given up for a moment is caught. */
constexpr std::chrono::milliseconds PAUSE(200);

std::string holder_of(const std::vector<std::string> &files)
{
	struct buf who = {};
	std::string text;

	who.limit = 4096;
	for (const std::string &file : files)
		if (text.empty() && apt_holder(file.c_str(), &who))
			text = buf_str(&who);
	buf_release(&who);
	return text;
}

/* The same holder gets older: one word to the user is enough. */
std::string without_age(const std::string &who)
{
	return who.substr(0, who.rfind(", for "));
}

void tell(const Session &s, const std::string &who)
{
	std::string text = "waiting up to " + std::to_string(s.job.lock_wait) + " s for " + who;
	apt_event ev = {};

	ev.kind = APT_EV_WAIT;
	ev.what = text.c_str();
	s.sink.event(s.sink.ctx, &ev);
}

int give_up(const Session &s, const char *doing, const std::string &who)
{
	drain_errors(s);
	err_set(s.e, GP_APT_LOCKED, "%s: it is held by %s, after %lld s of waiting", doing,
		who.c_str(), s.job.lock_wait);
	err_way(s.e, "when that program is done, run this again");
	err_way(s.e, "let gpuprov wait longer: apt.lock-timeout");
	return -1;
}

/* Not a matter of waiting: dpkg was cut off earlier, or the lock cannot be had at all. */
int refused(const Session &s, const char *doing)
{
	Complaints why;

	for (const std::string &one : drain_errors(s))
		why.add(nullptr, one);
	bool unclean = std::string(why.text()).find("dpkg was interrupted") != std::string::npos;

	return failed(s, unclean ? GP_DPKG_UNCLEAN : GP_APT_LOCKED, doing, why);
}

} // namespace

int backend::lock_or_wait(const Session &s, const char *doing,
			  const std::vector<std::string> &files, const std::function<bool()> &take)
{
	Clock::time_point until = Clock::now() + std::chrono::seconds(s.job.lock_wait);
	std::string told;

	for (;;) {
		std::string who = holder_of(files);

		if (who.empty()) {
			if (take())
				return 0;
			/* Somebody else may just have been faster. */
			who = holder_of(files);
			if (who.empty())
				return refused(s, doing);
			drain_errors(s);
		}
		if (Clock::now() >= until)
			return give_up(s, doing, who);
		if (without_age(who) != told)
			tell(s, who);
		told = without_age(who);
		std::this_thread::sleep_for(PAUSE);
	}
}
