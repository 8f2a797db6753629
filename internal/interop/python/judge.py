"""Every check of scim2-tester against a server, as one JSON object.

Usage: judge.py BASE_URL SEED, the token in SCIM_TOKEN. The seed is that of the
values that the tester makes up. The answer:

    passed    how many checks came out well
    failures  the others, also those that were skipped: what the tester says, and
              the attribute and its value before, if the check was about one
    inactive  whether the person that the tester took apart was inactive
"""

import json
import os
import random
import sys

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def details(result):
    return result.data if isinstance(result.data, dict) else {}


def main(base, seed):
    random.seed(int(seed))
    http = httpx2.Client(base_url=base, headers={"Authorization": "Bearer " + os.environ["SCIM_TOKEN"]}, timeout=10)
    results = check_server(SyncSCIMClient(http))
    removed = [details(r) for r in results if r.title == "check_remove_attribute"]
    active = [d["initial_value"] for d in removed if d.get("urn") == "active"]
    answer = {
        "passed": sum(r.status in GOOD for r in results),
        "inactive": active == [False],
        "failures": [
            {
                "check": " ".join(filter(None, (r.resource_type, r.title))),
                "status": r.status.name,
                "attribute": str(details(r).get("urn", "")),
                "before": str(details(r).get("initial_value", "")),
                "reason": str(r.reason),
            }
            for r in results
            if r.status not in GOOD
        ],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
