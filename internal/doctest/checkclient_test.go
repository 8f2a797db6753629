package doctest

import (
	"context"
	"net/http"
	"testing"

	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/conformance/clientcheck"
)

func TestProvisioning(t *testing.T) {
	c := clientcheck.Start(t, clientcheck.Options{})
	provision(c.URL(), c.Token()) // yours
	clientcheck.Test(t, c)
}

// provision is a client of a product: it creates a person.
func provision(url, token string) {
	c, err := client.New(url, client.Options{
		HTTP:  http.DefaultClient,
		Token: func(context.Context) (string, error) { return token, nil },
		Retry: client.Retry{Attempts: 4},
	})
	if err != nil {
		panic(err) // the checker says what it saw
	}
	_, _ = client.Of[client.User](c, "User").Create(context.Background(), client.User{UserName: "ada@example.com"})
}
