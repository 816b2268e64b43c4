/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back end: what apt would install of each name that is asked about. Only versions and pins
 * count for that, so the dependency state of all packages, which is most of the time that libapt
 * takes, is not made.
 */
#include "sys/apt_session.hh"

#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/policy.h>

#include <algorithm>

namespace
{

using namespace backend;

const char *or_null(const char *text)
{
	return text && *text ? text : nullptr;
}

void report(Session &s, pkgRecords &records, const pkgCache::VerIterator &v)
{
	pkgCache::VerFileIterator vf = v.FileList();
	apt_package out = {};

	out.name = v.ParentPkg().Name();
	out.arch = v.Arch();
	out.version = v.VerStr();
	out.origin = or_null(vf.File().Origin());
	if (!out.origin)
		out.origin = or_null(vf.File().Site());
	out.suite = or_null(vf.File().Archive());
	out.transitional = is_transitional(records.Lookup(vf));
	s.sink.package(s.sink.ctx, &out);
}

/* Compressed lists are read once through when their records are asked for in order. */
bool in_order(const pkgCache::VerIterator &a, const pkgCache::VerIterator &b)
{
	pkgCache::VerFileIterator x = a.FileList(), y = b.FileList();

	if (x.File()->ID != y.File()->ID)
		return x.File()->ID < y.File()->ID;
	return x->Offset < y->Offset;
}

} // namespace

int backend::candidates(Session &s)
{
	std::vector<pkgCache::VerIterator> found;

	if (indexes_absent(s, /* all= */ true))
		return err_set(s.e, GP_NO_PACKAGE, "there are no package indexes: apt-get update");
	if (open_cache(s, /* dependencies= */ false))
		return -1;
	for (size_t i = 0; i < s.job.wants.n; i++) {
		pkgCache::PkgIterator pkg = s.cache.GetPkgCache()->FindPkg(s.job.wants.at[i].name);
		pkgCache::VerIterator v(*s.cache.GetPkgCache());

		if (!pkg.end())
			v = s.cache.GetPolicy()->GetCandidateVer(pkg);
		if (!v.end() && !v.FileList().end())
			found.push_back(v);
	}
	std::sort(found.begin(), found.end(), in_order);
	pkgRecords records(*s.cache.GetPkgCache());

	for (const pkgCache::VerIterator &v : found)
		report(s, records, v);
	drain_errors(s);
	return 0;
}
