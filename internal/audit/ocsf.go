package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// DefaultOCSF is the version of OCSF that an export has unless another one is wanted.
const DefaultOCSF = "1.9.0"

// The classes of OCSF, category Identity & Access Management.
const (
	classAccount        = 3001 // Account Change: of users, before 1.9
	classAuthentication = 3002
	classEntity         = 3004
	classGroup          = 3006
	classUser           = 3007 // User Management, since 1.9
)

// ocsf makes events of OCSF: what changes a user is User Management, a group Group Management, a refused credential
// Authentication, everything else Entity Management.
type ocsf struct {
	version, tenant string
	old             bool // before 1.9
}

func newOCSF(version, tenant string) (*ocsf, error) {
	if version == "" {
		version = DefaultOCSF
	}
	var major, minor, patch int
	if n, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil || n != 3 || major != 1 || minor < 1 ||
		version != fmt.Sprintf("%d.%d.%d", major, minor, patch) {
		return nil, fmt.Errorf("OCSF %q: take a version from 1.1.0 on, such as %s", version, DefaultOCSF)
	}
	return &ocsf{version, tenant, minor < 9}, nil
}

// CheckOCSF says whether events can be made in a version; an empty one is DefaultOCSF.
func CheckOCSF(version string) error {
	_, err := newOCSF(version, "")
	return err
}

// member returns the id of the one member that a change of a group added or removed; else nothing.
func (l *Log) member(ctx context.Context, t store.Tenant, r *Record) (string, error) {
	if !r.OfChange() || r.Added+r.Removed != 1 {
		return "", nil
	}
	list, err := l.store.Changes(ctx, t, r.Change-1, 1)
	if err != nil || len(list) == 0 || list[0].Seq != r.Change || len(list[0].Edges) != 1 {
		return "", err
	}
	return list[0].Edges[0].ChildID, nil
}

// event makes an event of a record.
func (o *ocsf) event(r *Record, member string) map[string]any {
	class, activity, name := o.classify(r, member)
	status, severity := 1, 1
	if r.Result != Done {
		status, severity = 2, 2
	}
	e := map[string]any{
		"class_uid": class, "category_uid": 3, "activity_id": activity, "activity_name": name, "type_uid": class*100 + activity,
		"time": r.At.UnixMilli(), "severity_id": severity, "status_id": status, "count": max(r.Count, 1),
		"metadata": o.metadata(r),
		"actor":    map[string]any{"user": map[string]any{"uid": or(r.Actor, "unknown"), "type_id": 3}},
	}
	if r.Reason != "" {
		e["status_detail"] = r.Reason
	}
	if r.Address != "" {
		e["src_endpoint"] = map[string]any{"ip": r.Address}
	}
	switch class {
	case classAuthentication:
		e["user"] = map[string]any{"uid": or(r.Actor, "unknown")}
		e["service"] = map[string]any{"name": "Muster"}
	case classUser, classAccount:
		e["user"] = map[string]any{"uid": r.ID}
	case classGroup:
		e["group"] = map[string]any{"uid": r.ID}
		if member != "" {
			e["user"] = map[string]any{"uid": member}
		}
	default:
		e["entity"] = map[string]any{"uid": or(r.ID, "-"), "type": or(r.Type, "Muster")}
	}
	if more := unmapped(r); len(more) > 0 {
		e["unmapped"] = more
	}
	return e
}

func (o *ocsf) metadata(r *Record) map[string]any {
	m := map[string]any{
		"version": o.version, "uid": strconv.FormatInt(r.N, 10), "product": map[string]any{"name": "Muster", "vendor_name": "Muster"},
	}
	if o.tenant != "" {
		m["tenant_uid"] = o.tenant
	}
	if r.Request != "" {
		m["correlation_uid"] = r.Request
	}
	return m
}

// unmapped is what OCSF has no place for.
func unmapped(r *Record) map[string]any {
	m := map[string]any{}
	if len(r.Attrs) > 0 {
		m["attributes"] = r.Attrs
	}
	if events := r.EventNames(); len(events) > 0 {
		m["events"] = events
	}
	for name, n := range map[string]int64{"change": int64(r.Change), "added": int64(r.Added), "removed": int64(r.Removed), "source": int64(r.Source)} {
		if n != 0 {
			m[name] = n
		}
	}
	if len(r.Details) > 0 {
		m["details"] = r.Details
	}
	return m
}

const (
	otherActivity = 99 // its name is then our own
)

// classify finds the class and the activity, with the activity's caption.
func (o *ocsf) classify(r *Record, member string) (class, activity int, name string) {
	switch {
	case r.Action == "request" && (r.Details["status"] == "401" || r.Details["status"] == "429"):
		return classAuthentication, 1, "Logon"
	case r.Type == store.TypeUser && r.OfChange():
		return o.user(r)
	// Before 1.9 an event of a group needs a user, which only a change of one member has.
	case r.Type == store.TypeGroup && r.OfChange() && (!o.old || member != ""):
		return group(r, member)
	}
	switch verb := last(r.Action); verb {
	case "create":
		return classEntity, 1, "Create"
	case "read", "export", "show", "list":
		return classEntity, 2, "Read"
	case "update", "set", "rotate":
		return classEntity, 3, "Update"
	case "delete", "revoke", "erase", "prune", "purge", "remove":
		return classEntity, 4, "Delete"
	}
	return classEntity, otherActivity, r.Action
}

func (o *ocsf) user(r *Record) (class, activity int, name string) {
	ids := map[string]int{"Create": 1, "Update": 2, "Delete": 3, "Enable": 4, "Disable": 5}
	if class = classUser; o.old {
		class = classAccount
		ids = map[string]int{"Create": 1, "Update": otherActivity, "Delete": 6, "Enable": 2, "Disable": 5}
	}
	switch {
	case r.Action == "create":
		name = "Create"
	case r.Action == "delete":
		name = "Delete"
	case r.Events&store.EventDeactivated != 0:
		name = "Disable"
	case r.Events&(store.EventActivated|store.EventReactivated) != 0:
		name = "Enable"
	default:
		name = "Update"
	}
	return class, ids[name], name
}

func group(r *Record, member string) (class, activity int, name string) {
	switch {
	case r.Action == "create":
		return classGroup, 6, "Create"
	case r.Action == "delete":
		return classGroup, 5, "Delete"
	case member != "" && len(r.Attrs) == 0 && r.Added == 1:
		return classGroup, 3, "Add User"
	case member != "" && len(r.Attrs) == 0:
		return classGroup, 4, "Remove User"
	}
	return classGroup, otherActivity, r.Action
}

// last returns what stands behind the last dot.
func last(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
