package doctest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/scimtest"
)

// Offboard deactivates the user of that name at a service provider. That there is none is no failure.
func Offboard(ctx context.Context, base, token, userName string) error {
	c, err := client.New(base, client.Options{
		HTTP:  &http.Client{Timeout: 30 * time.Second},
		Token: func(context.Context) (string, error) { return token, nil },
		Retry: client.Retry{Attempts: 4}, // heeds Retry-After; repeats only what does no harm twice
	})
	if err != nil {
		return err
	}
	users := client.Of[client.User](c, "User")
	user, err := users.Lookup(ctx, "userName", userName)
	if errors.Is(err, client.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	var p client.Patch
	p.Replace("active", false)
	if _, err := users.Patch(ctx, user.ID, &p); err != nil {
		return err
	}
	// There are servers that answer 200 and do nothing. Those who left are worth a look.
	user, err = users.Get(ctx, user.ID)
	if err == nil && (user.Value.Active == nil || *user.Value.Active) {
		err = fmt.Errorf("%s is still active at %s", userName, base)
	}
	return err
}

// TestOffboard runs it against a good server and against faulty ones.
func TestOffboard(t *testing.T) {
	t.Parallel()
	for fault, works := range map[string]bool{
		"":                       true,
		"too-many-requests-date": true,  // it waits
		"filter-ignored":         true,  // it looks at what it gets
		"patch-active-ignored":   false, // it says so
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			srv := scimtest.New(t, scimtest.Options{})
			id, err := srv.Add("User", `{"userName":"ada@example.com","active":true}`)
			if err != nil {
				t.Fatal(err)
			}
			if fault != "" {
				if err := srv.Misbehave(fault); err != nil {
					t.Fatal(err)
				}
			}
			err = Offboard(t.Context(), srv.URL, srv.Token, "ada@example.com")
			ada, _ := srv.Memory.Get("User", id)
			if (err == nil) != works || (ada["active"] == false) != works {
				t.Errorf("got %v; the user is %v", err, ada)
			}
		})
	}
}

func TestOffboardNobody(t *testing.T) {
	t.Parallel()
	srv := scimtest.New(t, scimtest.Options{})
	if err := Offboard(t.Context(), srv.URL, srv.Token, "nobody"); err != nil {
		t.Error(err)
	}
}

// TestConforms is a product's own test that its SCIM endpoint is good.
func TestConforms(t *testing.T) {
	srv := scimtest.New(t, scimtest.Options{}) // here stands the product
	conformance.Test(t, conformance.Options{
		URL: srv.URL, Token: srv.Token, Client: srv.Client(),
		Quick: true,
	})
}
