// Package clienttest leads people and groups through their lives on a service provider, by package client: somebody
// joins, moves and leaves. It is for tests of servers, and of the client against servers that others wrote.
//
// It makes users and groups whose names begin with [Options.Prefix], and deletes what it made, also when it fails. It touches
// nothing else.
package clienttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// Options say what a server is spared.
type Options struct {
	// Prefix begins the name of everything that is made; letters and digits. Required.
	Prefix string
	// NoGroups leaves groups out. Defaults to false.
	NoGroups bool
	// NoEnterprise leaves the Enterprise extension out. Defaults to false.
	NoEnterprise bool
	// Soft accepts that a deleted user can still be read. Defaults to false.
	Soft bool
	// Logf is told each step. Defaults to nothing.
	Logf func(format string, args ...any)
}

// Lifecycle lets users join, move and leave, with groups, one by one and in bulk. What the server does not offer is done
// in the way that it does (PUT for PATCH, single requests for bulk). The error says which step went wrong, and how.
func Lifecycle(ctx context.Context, c *client.Client, o Options) error {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	l := &life{
		Options: o, c: c,
		users: client.Of[client.User](c, "User"), groups: client.Of[client.Group](c, "Group"),
	}
	err := l.run(ctx)
	// Whoever has no time left still cleans up.
	return errors.Join(err, l.clean(context.WithoutCancel(ctx)))
}

// life is one run.
type life struct {
	Options
	c      *client.Client
	users  *client.Resources[client.User]
	groups *client.Resources[client.Group]

	config client.Config
	made   []made // in the order in which they were made
	ada    *client.Resource[client.User]
	team   *client.Resource[client.Group]
}

// made is something to be deleted in the end.
type made struct{ typeName, id string }

func (l *life) run(ctx context.Context) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"discovery", l.discovery},
		{"joiner", l.joiner},
		{"the same again", l.again},
		{"lookup", l.lookup},
		{"mover", l.mover},
		{"a stale version", l.stale},
		{"group", l.group},
		{"members", l.members},
		{"list", l.list},
		{"bulk", l.bulk},
		{"leaver", l.leaver},
		{"deletion", l.deletion},
	}
	for _, s := range steps {
		l.Logf("%s", s.name)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// clean deletes what is left, what was made last first.
func (l *life) clean(ctx context.Context) error {
	var problems []error
	for _, m := range slices.Backward(l.made) {
		endpoint, err := l.c.Endpoint(ctx, m.typeName)
		if err == nil {
			_, err = l.c.Delete(ctx, endpoint, m.id)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("clean up a %s: %w", m.typeName, err))
		}
	}
	return errors.Join(problems...)
}

func (l *life) discovery(ctx context.Context) error {
	config, err := l.c.Config(ctx)
	if err != nil {
		return err
	}
	l.config = config
	set, warnings, err := l.c.Set(ctx)
	for _, w := range warnings {
		l.Logf("definitions: %s", w)
	}
	if errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrUnsupported) {
		l.Logf("the server publishes no definitions")
		return nil
	}
	if err != nil {
		return err
	}
	if set.Type("User") == nil {
		return errors.New("the server publishes no resource type User that can be used")
	}
	return nil
}

// user returns a user with a value of every kind.
func (l *life) user(name string) client.User {
	u := client.User{
		UserName: l.Prefix + name + "@example.com", ExternalID: l.Prefix + name, DisplayName: "Ada " + name,
		Name:   client.Name{GivenName: "Ada", FamilyName: "Lovelace " + name, Formatted: "Ada Lovelace " + name},
		Active: new(true), Title: "Analyst",
		Emails: []client.Labelled{{Value: l.Prefix + name + "@example.com", Type: "work", Primary: true}},
	}
	if !l.NoEnterprise {
		u.Enterprise = &client.EnterpriseUser{EmployeeNumber: "1815", Department: "Engines"}
	}
	return u
}

func (l *life) joiner(ctx context.Context) error {
	u, err := l.users.Create(ctx, l.user("ada"))
	if err != nil {
		return err
	}
	l.made = append(l.made, made{"User", u.ID})
	l.ada, err = l.users.Get(ctx, u.ID)
	if err != nil {
		return err
	}
	got := l.ada.Value
	return errors.Join(
		l.same("userName", got.UserName, l.Prefix+"ada@example.com"),
		l.same("name.givenName", got.Name.GivenName, "Ada"),
		l.active(got, true),
	)
}

func (l *life) again(ctx context.Context) error {
	u, err := l.users.Create(ctx, l.user("ada"))
	if err == nil {
		l.made = append(l.made, made{"User", u.ID})
		return errors.New("a second user got the userName of the first")
	}
	if !errors.Is(err, client.ErrUniqueness) {
		return err
	}
	return nil
}

func (l *life) lookup(ctx context.Context) error {
	found, err := l.users.Lookup(ctx, "userName", l.ada.Value.UserName)
	if err != nil {
		return err
	}
	if found.ID != l.ada.ID {
		return errors.New("another user was found")
	}
	_, err = l.users.Lookup(ctx, "userName", l.Prefix+`nobody" or userName pr or userName eq "`)
	if !errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("somebody who does not exist: %w", or(err))
	}
	return nil
}

func (l *life) mover(ctx context.Context) error {
	var p client.Patch
	p.Replace("title", "Countess")
	p.Replace("name.familyName", "King")
	if !l.NoEnterprise {
		p.Replace(client.Qualified(scim.EnterpriseUserSchema, "department"), "Numbers")
	}
	u, err := l.users.Modify(ctx, l.ada.ID, &p, func(u *client.User) error {
		u.Title, u.Name.FamilyName = "Countess", "King"
		if u.Enterprise != nil {
			u.Enterprise.Department = "Numbers"
		}
		return nil
	})
	if err != nil {
		return err
	}
	problem := errors.Join(
		l.same("title", u.Value.Title, "Countess"),
		l.same("name.familyName", u.Value.Name.FamilyName, "King"),
		l.same("name.givenName, which was not touched,", u.Value.Name.GivenName, "Ada"),
	)
	if !l.NoEnterprise && u.Value.Enterprise != nil {
		problem = errors.Join(problem, l.same("department", u.Value.Enterprise.Department, "Numbers"))
	}
	if problem != nil {
		return problem
	}
	u, err = l.users.Update(ctx, l.ada.ID, func(u *client.User) error {
		u.NickName = "Ada"
		return nil
	})
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	return errors.Join(l.same("nickName", u.Value.NickName, "Ada"), l.same("title", u.Value.Title, "Countess"))
}

// stale writes on condition of the version before the last.
func (l *life) stale(ctx context.Context) error {
	if l.ada.Version == "" || !l.config.ETag {
		l.Logf("the server sends no versions")
		return nil
	}
	_, err := l.users.Save(ctx, l.ada)
	if !errors.Is(err, client.ErrPrecondition) {
		return fmt.Errorf("a write on condition of an old version: %w", or(err))
	}
	return nil
}

func (l *life) group(ctx context.Context) error {
	if l.NoGroups {
		return nil
	}
	g, err := l.groups.Create(ctx, client.Group{DisplayName: l.Prefix + "team", Members: []client.Member{{Value: l.ada.ID}}})
	if err != nil {
		return err
	}
	l.made = append(l.made, made{"Group", g.ID})
	l.team, err = l.groups.Get(ctx, g.ID)
	if err != nil {
		return err
	}
	return l.hasMembers(l.team.Value, l.ada.ID)
}

func (l *life) members(ctx context.Context) error {
	if l.NoGroups {
		return nil
	}
	bob, err := l.users.Create(ctx, l.user("bob"))
	if err != nil {
		return err
	}
	l.made = append(l.made, made{"User", bob.ID})
	var p client.Patch
	p.AddMembers(bob.ID)
	g, err := l.groups.Modify(ctx, l.team.ID, &p, func(g *client.Group) error {
		g.Members = append(g.Members, client.Member{Value: bob.ID})
		return nil
	})
	if err != nil {
		return fmt.Errorf("add: %w", err)
	}
	if err := l.hasMembers(g.Value, l.ada.ID, bob.ID); err != nil {
		return fmt.Errorf("add: %w", err)
	}
	p = client.Patch{}
	p.RemoveMembers(l.ada.ID)
	g, err = l.groups.Modify(ctx, l.team.ID, &p, func(g *client.Group) error {
		g.Members = []client.Member{{Value: bob.ID}}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	if err := l.hasMembers(g.Value, bob.ID); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}

func (l *life) list(ctx context.Context) error {
	for r, err := range l.users.All(ctx, client.Query{Count: 1}) { // as many pages as there are users
		if err != nil {
			return err
		}
		if r.ID == l.ada.ID {
			return nil
		}
	}
	return errors.New("a user who was created is not in the list of all")
}

func (l *life) bulk(ctx context.Context) error {
	users, err := l.c.Endpoint(ctx, "User")
	if err != nil {
		return err
	}
	groups, err := l.c.Endpoint(ctx, "Group")
	if err != nil {
		return err
	}
	var b client.Bulk
	name := l.Prefix + "eve@example.com"
	eve := b.Create(users, schema.Object{
		"schemas": []any{scim.UserSchema}, "userName": name, "displayName": "Eve",
		"name":   schema.Object{"givenName": "Eve", "familyName": "Online"},
		"emails": []any{schema.Object{"value": name, "type": "work", "primary": true}},
	})
	if !l.NoGroups {
		b.Create(groups, schema.Object{
			"schemas": []any{scim.GroupSchema}, "displayName": l.Prefix + "bulk", "members": []any{schema.Object{"value": eve}},
		})
	}
	results, err := l.c.Bulk(ctx, &b)
	for i, r := range results {
		if r.Err == nil && r.ID != "" {
			l.made = append(l.made, made{[]string{"User", "Group"}[i], r.ID})
		}
	}
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.Err != nil {
			return fmt.Errorf("operation %d: %w", i+1, r.Err)
		}
	}
	if l.NoGroups {
		return nil
	}
	g, err := l.groups.Get(ctx, results[1].ID)
	if err != nil {
		return err
	}
	return l.hasMembers(g.Value, results[0].ID)
}

func (l *life) leaver(ctx context.Context) error {
	var p client.Patch
	p.Replace("active", false)
	u, err := l.users.Modify(ctx, l.ada.ID, &p, func(u *client.User) error {
		u.Active = new(false)
		return nil
	})
	if err != nil {
		return err
	}
	return l.active(u.Value, false)
}

func (l *life) deletion(ctx context.Context) error {
	found, err := l.users.Delete(ctx, l.ada.ID)
	if err != nil {
		return err
	}
	if !found {
		return errors.New("the user is not found")
	}
	if l.Soft {
		return nil
	}
	if _, err := l.users.Get(ctx, l.ada.ID); !errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("read a user who was deleted: %w", or(err))
	}
	found, err = l.users.Delete(ctx, l.ada.ID)
	if err != nil || found {
		return fmt.Errorf("delete a user once more: found is %t: %w", found, or(err))
	}
	return nil
}

// same compares as servers are known to keep values: case may be lost.
func (l *life) same(name, got, want string) error {
	if strings.EqualFold(got, want) {
		return nil
	}
	return fmt.Errorf("%s is %s, not %s", name, scim.Quote(got), scim.Quote(want))
}

func (l *life) active(u client.User, want bool) error {
	if u.Active == nil {
		l.Logf("the server does not show active")
		return nil
	}
	if *u.Active != want {
		return fmt.Errorf("active is %t", *u.Active)
	}
	return nil
}

func (l *life) hasMembers(g client.Group, ids ...string) error {
	got := make(map[string]bool)
	for _, m := range g.Members {
		got[m.Value] = true
	}
	missing := 0
	for _, id := range ids {
		if !got[id] {
			missing++
		}
		delete(got, id)
	}
	if missing+len(got) > 0 {
		return fmt.Errorf("the group lacks %d members and has %d that do not belong there", missing, len(got))
	}
	return nil
}

// or makes something to be wrapped of the lack of an error.
func or(err error) error {
	if err == nil {
		return errors.New("there was no error")
	}
	return err
}
