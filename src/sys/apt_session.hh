/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the apt back end share. libapt's types end here: the program sees sys/apt.h.
 * What is done in which order, and why, was measured; each of the comments cost somebody a day.
 */
#pragma once

extern "C" {
#include "sys/apt.h"
#include "sys/apt_fault.h"
#include "sys/apt_holder.h"
}

#include <apt-pkg/cachefile.h>
#include <apt-pkg/pkgrecords.h>

#include <functional>
#include <string>
#include <vector>

class pkgPackageManager;

namespace backend
{

struct Session {
	const apt_job &job;
	const apt_sink &sink;
	err *e;
	pkgCacheFile cache;
};

/* What is wrong, collected one complaint at a time; see apt_fault_add(). */
class Complaints
{
	struct buf text_ = {};

      public:
	Complaints();
	~Complaints();
	Complaints(const Complaints &) = delete;
	Complaints &operator=(const Complaints &) = delete;
	void add(const char *where, const std::string &words);
	bool none() const;
	const char *text() const;
};

/* Everything serious that libapt has on its error stack; warnings go to the notes. */
std::vector<std::string> drain_errors(const Session &s);

/* Set the session's error and return -1. Without `why`, what libapt's error stack says. */
int failed(const Session &s, code c, const char *doing, const Complaints &why);
int failed(const Session &s, code c, const char *doing);

/*
 * Take a lock by `take`, waiting as long as the job allows while another program holds one of these
 * files; whoever that is, is told to the sink. Only what holds it may end it: nothing is killed.
 */
int lock_or_wait(const Session &s, const char *doing, const std::vector<std::string> &files,
		 const std::function<bool()> &take);

/* Which exact set the job comes to: it is marked in the session's cache, and told to the sink. */
int resolve(Session &s);

/*
 * Open the indexes, the pins, and, where they are needed, the dependencies of all packages, which
 * takes most of the time. A complaint names the index it is about.
 */
int open_cache(Session &s, bool dependencies);

/*
 * True when a source has none of its indexes here (one may lack one: empty ones are not kept); with
 * `all`, when all of them have none.
 */
bool indexes_absent(Session &s, bool all);

/* An empty package on the way to another, by its description. */
bool is_transitional(pkgRecords::Parser &record);

/* What apt would install of each name of the job; names it does not know are left out. */
int candidates(Session &s);

/*
 * Download what the package manager would, over several connections, into apt's own folder, whose
 * lock is held. That some of it cannot be had is no error: it is left to libapt.
 */
int fetch_ahead(Session &s, pkgPackageManager &pm, pkgRecords &records);

/*
 * Why these versions cannot be installed together, in words: the chain of dependencies that leads
 * to what is missing, or to two that conflict. "" when nothing is found.
 */
std::string why_not(pkgDepCache &dep, const std::vector<pkgCache::VerIterator> &asked);

} // namespace backend
