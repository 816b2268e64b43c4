/* SPDX-License-Identifier: Apache-2.0 */
/* The back end that talks to libapt-pkg: which exact set is installed, and what it consists of. */
#include "sys/apt_session.hh"

extern "C" {
#include "base/ver.h"
}

#include <apt-pkg/algorithms.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/depcache.h>
#include <apt-pkg/indexfile.h>
#include <apt-pkg/metaindex.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/policy.h>
#include <apt-pkg/sourcelist.h>

#include <map>
#include <memory>

namespace
{

using namespace backend;

pkgCache::VerIterator version_wanted(Session &s, const apt_want &want, pkgCache::PkgIterator pkg)
{
	pkgCache::VerIterator best(s.cache.GetDepCache()->GetCandidateVersion(pkg));

	if (!want.version && !want.within)
		return best;
	if (!best.end() && want.within && ver_deb_within(best.VerStr(), want.within))
		return best;
	best = pkgCache::VerIterator(*s.cache.GetPkgCache());
	/* VersionList is in falling order of version. */
	for (pkgCache::VerIterator v = pkg.VersionList(); !v.end(); ++v) {
		bool fits = want.version ? std::string(v.VerStr()) == want.version :
					   ver_deb_within(v.VerStr(), want.within);

		if (fits)
			return v;
	}
	return best;
}

std::string versions_on_offer(pkgCache::PkgIterator pkg)
{
	std::string text;

	for (pkgCache::VerIterator v = pkg.VersionList(); !v.end(); ++v)
		text += (text.empty() ? "" : ", ") + std::string(v.VerStr());
	return text;
}

/*
 * When a version other than the candidate is wanted, everything built from the same source must
 * move with it: the driver's packages depend on each other by "= version", and MarkInstall gives up
 * in silence when a candidate does not fit.
 */
void move_siblings(Session &s, pkgCache::VerIterator const &chosen)
{
	std::string source = chosen.SourcePkgName(), version = chosen.SourceVerStr();
	pkgDepCache &dep = *s.cache.GetDepCache();

	for (pkgCache::PkgIterator p = dep.PkgBegin(); !p.end(); ++p)
		for (pkgCache::VerIterator v = p.VersionList(); !v.end(); ++v)
			if (source == v.SourcePkgName() && version == v.SourceVerStr())
				dep.SetCandidateVersion(v);
}

struct Asked {
	const apt_want *want;
	pkgCache::PkgIterator pkg;
	pkgCache::VerIterator version;
};

int find_wants(Session &s, std::vector<Asked> &asked)
{
	pkgDepCache &dep = *s.cache.GetDepCache();

	for (size_t i = 0; i < s.job.wants.n; i++) {
		const apt_want &want = s.job.wants.at[i];
		pkgCache::PkgIterator pkg = dep.FindPkg(want.name);

		if (want.away) {
			if (!pkg.end() && !pkg.CurrentVer().end())
				asked.push_back({ &want, pkg, pkgCache::VerIterator(dep) });
			continue;
		}
		if ((pkg.end() || pkg.VersionList().end()) && want.if_offered)
			continue;
		if (pkg.end() || pkg.VersionList().end())
			return err_set(s.e, GP_NO_PACKAGE, "no repository of this host has '%s'",
				       want.name);
		pkgCache::VerIterator v = version_wanted(s, want, pkg);

		if (v.end())
			return err_set(s.e, GP_NO_PACKAGE,
				       "no version of '%s' fits %s; on offer: %s", want.name,
				       want.version ? want.version :
				       want.within  ? want.within :
						      "the pins",
				       versions_on_offer(pkg).c_str());
		asked.push_back({ &want, pkg, v });
	}
	return 0;
}

int explain_unsatisfied(Session &s, const std::vector<Asked> &asked)
{
	std::vector<pkgCache::VerIterator> versions;

	for (const Asked &a : asked)
		if (!a.want->away)
			versions.push_back(a.version);
	std::string text = why_not(*s.cache.GetDepCache(), versions);

	drain_errors(s);
	return err_set(s.e, GP_UNSATISFIABLE, "the packages asked for do not fit together: %s",
		       text.empty() ? "libapt found no set" : text.c_str());
}

/*
 * All candidates first, all marks second: one by one, the first mark fails on a candidate that the
 * next request would have set. MarkInstall's result and the presence of every request in the
 * outcome are checked, because an empty plan with nothing broken is how libapt says no.
 */
int mark(Session &s, const std::vector<Asked> &asked)
{
	pkgDepCache &dep = *s.cache.GetDepCache();
	pkgDepCache::ActionGroup group(dep);
	pkgProblemResolver fix(&dep);
	bool all = true;

	for (const Asked &a : asked)
		if (!a.want->away && dep.GetCandidateVersion(a.pkg) != a.version) {
			dep.SetCandidateVersion(a.version);
			move_siblings(s, a.version);
		}
	for (const Asked &a : asked) {
		fix.Clear(a.pkg);
		fix.Protect(a.pkg);
		if (a.want->away) {
			fix.Remove(a.pkg);
			all &= dep.MarkDelete(a.pkg, false, 0, true);
			continue;
		}
		if (a.pkg.CurrentVer() == a.version)
			continue;
		all &= dep.MarkInstall(a.pkg, true, 0, true);
	}
	if (dep.BrokenCount() && !fix.Resolve(true))
		return explain_unsatisfied(s, asked);
	if (!all || dep.BrokenCount())
		return explain_unsatisfied(s, asked);
	for (const Asked &a : asked)
		if (dep[a.pkg].InstVerIter(dep) != a.version)
			return explain_unsatisfied(s, asked);
	return 0;
}

bool changes(pkgDepCache &dep, pkgCache::PkgIterator const &p)
{
	return dep[p].Install() || dep[p].Delete() || dep[p].ReInstall();
}

using Reasons = std::map<unsigned long, std::string>;

/* For each package of the set, the one that needs it: breadth first from what was asked for. */
Reasons reasons(Session &s, const std::vector<Asked> &asked)
{
	pkgDepCache &dep = *s.cache.GetDepCache();
	std::vector<pkgCache::PkgIterator> queue;
	Reasons why;

	for (const Asked &a : asked)
		if (why.emplace(a.pkg->ID, "").second)
			queue.push_back(a.pkg);
	for (size_t i = 0; i < queue.size(); i++) {
		pkgCache::VerIterator v = dep[queue[i]].InstVerIter(dep);

		if (v.end())
			continue;
		for (pkgCache::DepIterator d = v.DependsList(); !d.end(); ++d) {
			if (!dep.IsImportantDep(d) || d.IsNegative())
				continue;
			std::unique_ptr<pkgCache::Version *[]> targets(d.AllTargets());

			for (pkgCache::Version **t = targets.get(); *t; t++) {
				pkgCache::VerIterator tv(dep, *t);
				pkgCache::PkgIterator tp = tv.ParentPkg();

				if (dep[tp].InstVerIter(dep) != tv ||
				    !why.emplace(tp->ID, queue[i].Name()).second)
					continue;
				queue.push_back(tp);
			}
		}
	}
	return why;
}

apt_change kind_of(pkgDepCache &dep, pkgCache::PkgIterator const &p)
{
	if (dep[p].Delete())
		return APT_REMOVE;
	if (dep[p].NewInstall())
		return APT_NEW;
	if (dep[p].Upgrade())
		return APT_UPGRADE;
	return dep[p].Downgrade() ? APT_DOWNGRADE : APT_REINSTALL;
}

const char *or_null(const char *text)
{
	return text && *text ? text : nullptr;
}

void report(Session &s, pkgRecords &records, pkgCache::PkgIterator const &p, const Reasons &why)
{
	pkgDepCache &dep = *s.cache.GetDepCache();
	pkgCache::VerIterator now = p.CurrentVer();
	pkgCache::VerIterator next = dep[p].InstVerIter(dep);
	std::string sha256;
	apt_package out = {};

	out.name = p.Name();
	out.arch = p.Arch();
	out.change = kind_of(dep, p);
	out.old_version = now.end() ? nullptr : now.VerStr();
	out.disk = now.end() ? 0 : -static_cast<long long>(now->InstalledSize);
	auto reason = why.find(p->ID);

	if (reason != why.end())
		out.because = or_null(reason->second.c_str());
	if (!dep[p].Delete()) {
		pkgCache::VerFileIterator vf = next.FileList();

		out.version = next.VerStr();
		out.arch = next.Arch();
		out.source = next.SourcePkgName();
		out.download = static_cast<long long>(next->Size);
		out.disk += static_cast<long long>(next->InstalledSize);
		out.origin = or_null(vf.File().Label());
		out.suite = or_null(vf.File().Codename());
		out.component = or_null(vf.File().Component());
		/* find() points into the list, so the list must outlive what it finds. */
		pkgRecords::Parser &record = records.Lookup(vf);
		HashStringList hashes = record.Hashes();

		out.transitional = is_transitional(record);

		if (const HashString *hash = hashes.find("SHA256"))
			sha256 = hash->HashValue();
		out.sha256 = or_null(sha256.c_str());
	}
	s.sink.package(s.sink.ctx, &out);
}

/* libapt complains of index files by the names they have on disk; say which they are. */
std::string with_descriptions(Session &s, std::string words)
{
	for (metaIndex *meta : *s.cache.GetSourceList())
		for (const IndexTarget &t : meta->GetIndexTargets()) {
			std::string file = t.Option(IndexTarget::FILENAME);
			size_t at = file.empty() ? words.npos : words.find(file);

			if (at != words.npos)
				words.replace(at, file.size(), "'" + t.Description + "'");
		}
	return words;
}

} // namespace

bool backend::is_transitional(pkgRecords::Parser &record)
{
	return record.ShortDesc().find("ransitional") != std::string::npos;
}

int backend::open_cache(Session &s, bool dependencies)
{
	Complaints why;

	if (s.cache.BuildCaches(nullptr, false) && s.cache.BuildPolicy() &&
	    (!dependencies || s.cache.BuildDepCache()))
		return 0;
	for (const std::string &one : drain_errors(s))
		why.add(nullptr, with_descriptions(s, one));
	/* The binary cache was written all the same, and would make the next run believe it. */
	pkgCacheFile::RemoveCaches();
	return failed(s, GP_BAD_INDEX, "reading the package indexes", why);
}

int backend::resolve(Session &s)
{
	std::vector<Asked> asked;

	if (open_cache(s, /* dependencies= */ true))
		return -1;
	if (find_wants(s, asked) || mark(s, asked))
		return -1;

	pkgDepCache &dep = *s.cache.GetDepCache();
	pkgRecords records(dep);
	Reasons why = reasons(s, asked);

	for (pkgCache::PkgIterator p = dep.PkgBegin(); !p.end(); ++p)
		if (changes(dep, p))
			report(s, records, p, why);
	drain_errors(s);
	return 0;
}
