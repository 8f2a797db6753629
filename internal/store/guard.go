package store

import (
	"context"
	"time"
)

// What a source writes is always stored and answered truthfully. But a change that does harm, beyond what is usual, is held: it is not
// sent on before a person has approved it. The store judges that where it numbers the change, in its transaction, so that splitting over
// tokens, bulk requests, restarts or nodes gets around nothing (J06).

// GuardLimits are from where on changes of a tenant are held. Counted is what was not held in the last 24 hours.
type GuardLimits struct {
	// People is how many people may be deactivated or deleted, or renamed, whatever the tenant's size; Percent of the active
	// ones if that is more.
	People, Percent int64
	// A group of more than GroupSize members may lose GroupPercent of them.
	GroupSize, GroupPercent int64
	// Off holds nothing but what is protected.
	Off bool
}

// DefaultGuard are the limits of a tenant that has set none (J05).
var DefaultGuard = GuardLimits{People: 10, Percent: 5, GroupSize: 20, GroupPercent: 20}

// Most returns how many people may be affected in a tenant with so many active ones.
func (g GuardLimits) Most(active int64) int64 { return max(g.People, active*g.Percent/100) }

// Harm is a kind of harm, counted by itself.
type Harm uint8

// The kinds of harm.
const (
	NoHarm       Harm = 0
	HarmPeople   Harm = 1 // somebody active is deactivated or deleted
	HarmRename   Harm = 2 // userName, externalId or an address of a person, or the name of a group, is replaced
	HarmGroups   Harm = 3 // a group is deleted
	HarmMembers  Harm = 4 // a group loses members; counted for each group
	HarmInactive Harm = 5 // somebody who was deactivated before is deleted
)

// The reasons of holds.
const (
	ReasonPeople           = "mass-deactivation"
	ReasonRename           = "mass-rename"
	ReasonGroups           = "mass-group-deletion"
	ReasonMembers          = "group-emptied"
	ReasonInactive         = "mass-deletion"
	ReasonProtectedGroup   = "protected-group"
	ReasonProtectedAccount = "protected-account"
)

// Reason returns why a change of this kind of harm is held.
func (h Harm) Reason() string {
	return [...]string{"", ReasonPeople, ReasonRename, ReasonGroups, ReasonMembers, ReasonInactive}[h]
}

// HarmOf returns the harm that a change from one state of a resource to another does, edges left out.
func HarmOf(was, is *Resource) Harm {
	switch {
	case was == nil || was.Deleted:
		return NoHarm
	case was.Type == TypeGroup && is.Deleted:
		return HarmGroups
	case was.Type == TypeGroup:
		if was.Index.DisplayName != "" && was.Index.DisplayName != is.Index.DisplayName {
			return HarmRename
		}
		return NoHarm
	case was.Type != TypeUser:
		return NoHarm
	case is.Deleted && was.Index.Active == False:
		return HarmInactive
	case is.Deleted, was.Index.Active != False && is.Index.Active == False:
		return HarmPeople
	case replaced(was.Index.UserName, is.Index.UserName), replaced(was.Index.ExternalID, is.Index.ExternalID), lost(was.Index.Entries, is.Index.Entries):
		return HarmRename
	}
	return NoHarm
}

func replaced(was, is string) bool { return was != "" && was != is }

// lost reports whether an address is gone.
func lost(was, is []Entry) bool {
	for _, e := range was {
		if e.Attr != "emails.value" {
			continue
		}
		found := false
		for _, o := range is {
			found = found || o == e
		}
		if !found {
			return true
		}
	}
	return false
}

// HoldState is what became of a hold.
type HoldState uint8

// The states of a hold. NotHeld is that of a change that no hold concerns.
const (
	NotHeld       HoldState = 0
	HoldOpen      HoldState = 1 // what it concerns is not sent on
	HoldApproved  HoldState = 2
	HoldRejected  HoldState = 3 // what it held is left out for good
	HoldRejecting HoldState = 4 // rejected, and what it held is being repaired
)

// Hold is what a source did beyond what is usual, until somebody decides.
type Hold struct {
	Num       int64
	Source    Source
	Opened    time.Time
	Reason    string
	State     HoldState
	Decided   time.Time
	By, Note  string // of the decision
	Resources int64  // that it concerns
	Changes   int64
}

// Protected is a group or account whose changes are always held: a group by displayName, a person by userName, folded.
type Protected struct {
	Type, Key string
	Source    Source // whose changes are sent on all the same; 0: nobody's
	Since     time.Time
	By        string
}

// Decision closes a hold. An approved one lets go what it held; a rejected one first becomes HoldRejecting.
type Decision struct {
	Hold     int64
	State    HoldState
	At       time.Time
	By, Note string
}

// Guard reads what is held and why. Decisions, and what is protected, are written as Rows.Decisions, Rows.Protect and Rows.Unprotect.
type Guard interface {
	// Holds returns the holds of a tenant, the latest first: those that are open, or all.
	Holds(ctx context.Context, t Tenant, open bool, limit int) ([]Hold, error)
	Hold(ctx context.Context, t Tenant, num int64) (Hold, error) // ErrNotFound
	// HeldChanges returns up to limit changes of a hold beyond after, in order.
	HeldChanges(ctx context.Context, t Tenant, hold int64, after Seq, limit int) ([]*Change, error)
	// HeldBy returns the open hold that a resource is frozen by, and its first held change; 0: none.
	HeldBy(ctx context.Context, t Tenant, n Num) (hold int64, first Seq, err error)
	Protected(ctx context.Context, t Tenant) ([]Protected, error)
	// OpenHolds counts the open holds of all tenants.
	OpenHolds(ctx context.Context) (int64, error)
}
