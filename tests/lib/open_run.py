#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""open_run.py PLAN.json KIND STATE: an unfinished run whose plan has the one step of that kind, for `gpuprov apply
--resume`. What the step waits for is on another machine; the step itself is the real one."""

import hashlib
import json
import pathlib
import sys
import time

plan = json.load(open(sys.argv[1], encoding="utf-8"))
plan["steps"] = [dict(s, needs=[]) for s in plan["steps"] if s["kind"] == sys.argv[2]]
plan["posts"] = plan["omitted"] = plan["diagnostics"] = []
plan = {k: v for k, v in plan.items() if k not in ("posts", "omitted", "diagnostics", "tried")}
assert len(plan["steps"]) == 1, "the plan has no such step"
run = pathlib.Path(sys.argv[3]) / "runs" / "000001"
run.mkdir(parents=True, mode=0o700)
text = json.dumps(plan, indent=2) + "\n"
(run / "plan.json").write_text(text, encoding="utf-8")
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
record = json.dumps({"kind": "begin", "text": hashlib.sha256(text.encode()).hexdigest(), "boot": boot, "who": "root",
                     "time": int(time.time())}, separators=(",", ":"))
(run / "journal").write_text(f"{hashlib.sha256(record.encode()).hexdigest()[:16]} {record}\n", encoding="utf-8")
