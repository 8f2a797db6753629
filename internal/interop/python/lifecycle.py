"""A person's working life, as the client library scim2-client sees it.

It prints "ok STEP" for each step that came out as RFC 7644 says; an assertion
that fails ends it. Usage: lifecycle.py BASE_URL, the token in SCIM_TOKEN.
"""

import os
import sys

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import (
    BulkOperation,
    BulkRequest,
    Email,
    EnterpriseUser,
    Group,
    GroupMember,
    InvalidCursorException,
    InvalidFilterException,
    InvalidPathException,
    Manager,
    Name,
    NotFoundException,
    PatchOp,
    PatchOperation,
    PreconditionFailedException,
    ScimProvider,
    SearchRequest,
    UniquenessException,
    User,
)

Person = User[EnterpriseUser]


def ok(step):
    print("ok", step, flush=True)


def refused(exception, call, *args, **kwargs):
    """Fail unless the call is refused in this way, and return how."""
    try:
        call(*args, **kwargs)
    except exception as e:
        return e
    raise AssertionError(f"expected {exception.__name__}")


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


class Lifecycle:
    def __init__(self, base, token):
        self.http = httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        self.scim = SyncSCIMClient(self.http)

    def run(self):
        self.discovery()
        self.joiner()
        self.filters()
        self.pages()
        self.cursors()
        self.mover()
        self.etags()
        self.groups()
        self.bulk()
        self.leaver()

    def discovery(self):
        self.scim.discover()
        provider = self.scim.provider
        equal(sorted(t.name for t in provider.resource_types)[:2], ["Group", "User"])
        for feature in ("patch", "filter", "sort", "etag", "bulk"):
            assert getattr(provider.config, feature).supported, feature
        # From here on, the models of the library itself, and no longer those made of what the hub publishes.
        self.scim = SyncSCIMClient(
            self.http,
            provider=ScimProvider([User, EnterpriseUser, Group], provider.resource_types, provider.config),
        )
        ok("discovery")

    def joiner(self):
        self.boss = self.scim.create(Person(user_name="grace@example.com", display_name="Grace Hopper"))
        ada = Person(
            user_name="ada@example.com",
            external_id="hr-1",
            name=Name(given_name="Ada", family_name="Lovelace"),
            display_name="Ada Lovelace",
            emails=[Email(value="ada@example.com", type="work", primary=True)],
            active=True,
        )
        ada[EnterpriseUser] = EnterpriseUser(department="Engines", manager=Manager(value=self.boss.id))
        made = self.scim.create(ada)
        equal(made.meta.resource_type, "User")
        assert made.meta.location.endswith("/Users/" + made.id), made.meta.location
        equal(made[EnterpriseUser].manager.display_name, "Grace Hopper")
        equal(self.scim.query(Person, made.id).model_dump(), made.model_dump())
        refused(UniquenessException, self.scim.create, Person(user_name="ADA@example.com"))
        self.ada = made
        ok("joiner")

    def find(self, filter, **kwargs):
        return self.scim.query(Person, query_parameters=SearchRequest(filter=filter, **kwargs))

    def filters(self):
        for filter, want in (
            ('userName eq "ADA@EXAMPLE.COM"', 1),
            ('externalId eq "hr-1"', 1),
            ('emails[type eq "work" and value ew "@example.com"] and active eq true', 1),
            ('urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "Eng"', 1),
            ('not (displayName co "Ada") and displayName pr', 1),
            ('userName eq "nobody"', 0),
        ):
            equal(self.find(filter).total_results, want)
        search = SearchRequest(filter='name.familyName eq "Lovelace"', attributes=["userName"])
        found = self.scim.search(Person, search)
        equal([(u.id, u.user_name, u.display_name) for u in found.resources], [(self.ada.id, "ada@example.com", None)])
        raw = {"filter": "userName is ada"}
        refused(InvalidFilterException, self.scim.query, Person, query_parameters=raw, check_request_payload=False)
        ok("filters")

    def pages(self):
        for i in range(25):
            self.scim.create(Person(user_name=f"temp-{i:02}", user_type="temp"))
        seen, start = [], 1
        while True:
            page = self.find('userType eq "temp"', start_index=start, count=10, sort_by="userName", sort_order="descending")
            equal(page.total_results, 25)
            if not page.resources:
                break
            equal(page.start_index, start)
            seen += [u.user_name for u in page.resources]
            start += len(page.resources)
        equal(seen, [f"temp-{i:02}" for i in reversed(range(25))])
        ok("pages")

    def cursors(self):
        seen, cursor, pages = set(), "", 0
        while cursor is not None:
            page = self.find('userType eq "temp"', cursor=cursor, count=10)
            seen |= {u.user_name for u in page.resources}
            cursor, pages = page.next_cursor, pages + 1
        equal((pages, len(seen)), (3, 25))
        refused(InvalidCursorException, self.find, 'userType eq "temp"', cursor="made-up", count=10)
        ok("cursors")

    def patch(self, resource, *operations):
        """Patch, and return what is there then, be the answer 200 or 204."""
        op = PatchOp[type(resource)](operations=[PatchOperation(**o) for o in operations])
        answer = self.scim.modify(resource, op)
        now = self.scim.query(type(resource), resource.id)
        if answer is not None:
            equal(answer.model_dump(), now.model_dump())
        return now

    def mover(self):
        enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
        ada = self.patch(
            self.ada,
            {"op": "replace", "path": "title", "value": "Countess"},
            {"op": "replace", "path": "name.familyName", "value": "King"},
            {"op": "add", "path": "emails", "value": [{"value": "ada@home.example", "type": "home"}]},
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "king@example.com"},
            {"op": "replace", "path": enterprise + "department", "value": "Analysis"},
            {"op": "remove", "path": enterprise + "manager"},
        )
        equal((ada.title, ada.name.given_name, ada.name.family_name), ("Countess", "Ada", "King"))
        equal(sorted(e.value for e in ada.emails), ["ada@home.example", "king@example.com"])
        equal((ada[EnterpriseUser].department, ada[EnterpriseUser].manager), ("Analysis", None))
        ada.nick_name, ada.title = "Enchantress", None
        put = self.scim.replace(ada)
        equal((put.nick_name, put.title, put.id), ("Enchantress", None, ada.id))
        operation = PatchOperation(op="replace", path="nope", value="x")
        body = {"schemas": [PatchOp.__schema__], "Operations": [operation.model_dump()]}
        refused(InvalidPathException, self.scim.modify, Person, ada.id, body, check_request_payload=False)
        self.ada = put
        ok("mover")

    def etags(self):
        before = self.scim.query(Person, self.ada.id)
        assert self.scim.query(before) is before, "an unchanged resource was sent again, or another one"
        after = self.patch(before, {"op": "replace", "path": "title", "value": "Lady"})
        assert before.meta.version != after.meta.version
        before.title = "lost"
        refused(PreconditionFailedException, self.scim.replace, before)
        refused(PreconditionFailedException, self.scim.delete, before)
        equal(self.scim.query(Person, self.ada.id).title, "Lady")
        self.ada = after
        ok("etags")

    def groups(self):
        team = self.scim.create(Group(display_name="Engineers", members=[GroupMember(value=self.boss.id)]))
        equal([(m.value, m.type, m.display) for m in team.members], [(self.boss.id, "User", "Grace Hopper")])
        team = self.patch(team, {"op": "add", "path": "members", "value": [{"value": self.ada.id}]})
        equal(sorted(m.value for m in team.members), sorted([self.boss.id, self.ada.id]))
        equal([g.display for g in self.scim.query(Person, self.ada.id).groups], ["Engineers"])
        found = self.scim.query(Group, query_parameters=SearchRequest(filter=f'members[value eq "{self.ada.id}"]', excluded_attributes=["members"]))
        equal([(g.id, g.members) for g in found.resources], [(team.id, None)])
        team = self.patch(team, {"op": "remove", "path": f'members[value eq "{self.boss.id}"]'})
        equal([m.value for m in team.members], [self.ada.id])
        self.team = team
        ok("groups")

    def bulk(self):
        def operation(model, method, path, data, **kwargs):
            return BulkOperation[model](method=method, path=path, data=data, **kwargs)

        grace = PatchOp[Person](operations=[PatchOperation(op="replace", path="nickName", value="Amazing Grace")])
        interns = Group(display_name="Interns", members=[GroupMember(value="bulkId:intern", type="User")])
        request = BulkRequest[Person | Group](
            operations=[
                operation(Group, "POST", "/Groups", interns, bulk_id="interns"),
                operation(Person, "POST", "/Users", Person(user_name="intern@example.com"), bulk_id="intern"),
                operation(Person, "POST", "/Users", Person(user_name="ada@example.com"), bulk_id="taken"),
                operation(Person, "PATCH", "/Users/" + self.boss.id, grace),
            ]
        )
        done = self.scim.bulk(request).operations
        equal([o.status for o in done], [201, 201, 409, 200])
        equal(done[2].response.scim_type, "uniqueness")
        group, intern = (o.location.rsplit("/", 1)[1] for o in done[:2])
        equal([m.value for m in self.scim.query(Group, group).members], [intern])
        equal(self.scim.query(Person, self.boss.id).nick_name, "Amazing Grace")
        ok("bulk")

    def leaver(self):
        ada = self.patch(self.ada, {"op": "replace", "path": "active", "value": False})
        equal(ada.active, False)
        equal([u.id for u in self.find("active eq false").resources], [ada.id])
        self.scim.delete(ada)
        refused(NotFoundException, self.scim.query, Person, ada.id)
        refused(NotFoundException, self.scim.delete, Person, ada.id)
        assert not self.scim.query(Group, self.team.id).members
        self.scim.delete(self.team)
        again = self.scim.create(Person(user_name="ada@example.com"))
        assert again.id != ada.id
        ok("leaver")


if __name__ == "__main__":
    Lifecycle(sys.argv[1], os.environ["SCIM_TOKEN"]).run()
