package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/oauth"
)

func newOAuth() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oauth",
		Short: "Let clients come with OAuth 2.0: our own token endpoint, and issuers outside",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOAuthClient(), newOAuthIssuer(), newOAuthKeys())
	return cmd
}

func newOAuthClient() *cobra.Command {
	cmd := &cobra.Command{
		Use: "client", Short: "Clients of our own token endpoint", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOAuthClientCreate(), newOAuthClientList(), newOAuthClientRotate(), newOAuthClientRevoke())
	return cmd
}

// printCredentials prints what a client authenticates with, for a person and for a shell.
func printCredentials(w io.Writer, c admin.OAuthClient) error {
	text := "client_id=" + c.ID + "\n"
	if c.Secret != "" {
		text += "client_secret=" + c.Secret + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func newOAuthClientCreate() *cobra.Command {
	var hub hubFlags
	var req admin.OAuthClientRequest
	var keys, certificate string
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make a client, and print its id and secret, this once",
		Long: `The client gets access tokens at /oauth/token of its tenant with the grant client_credentials. It authenticates with its secret,
or, with --keys, by assertions that it signs (private_key_jwt), or, with --certificate, by a certificate of TLS that it shows.`,
		Example: `  muster oauth client create --name okta
  muster oauth client create --name workday --keys workday.jwks.json --scopes scim.users.write`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keys != "" {
				text, err := os.ReadFile(keys)
				if err != nil {
					return err
				}
				if req.Keys = jsontext.Value(text); !req.Keys.IsValid() {
					return fmt.Errorf("%s is not JSON", keys)
				}
			}
			if certificate != "" {
				var err error
				if req.Certificate, err = thumbprintOf(certificate); err != nil {
					return err
				}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				made, err := c.CreateOAuthClient(cmd.Context(), req)
				if err != nil {
					return err
				}
				return printCredentials(cmd.OutOrStdout(), made)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&req.Name, "name", "", "what the client is called")
	cmd.Flags().StringVar(&req.Source, "source", "", "the source that it speaks for (default: the tenant's first)")
	cmd.Flags().StringVar(&req.Profile, "profile", "compat", "preset of compatibility switches")
	cmd.Flags().StringVar(&req.Scopes, "scopes", "scim", "what it may do, separated by commas: "+strings.Join(access.ScopeNames(), ", "))
	cmd.Flags().IntVar(&req.Days, "days", 365, "how long it may come")
	cmd.Flags().StringVar(&keys, "keys", "", "file with its public keys, a JWKS")
	cmd.Flags().StringVar(&certificate, "certificate", "", "file with its certificate, PEM")
	return cmd
}

// thumbprintOf returns x5t#S256 of the first certificate in a file.
func thumbprintOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("%s has no certificate in PEM", path)
	}
	sum := sha256.Sum256(block.Bytes)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func newOAuthClientList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the clients of our own token endpoint", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.OAuthClients(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, k := range all {
					state := "live until " + k.Expires.Format(time.DateOnly)
					switch {
					case !k.Revoked.IsZero():
						state = "revoked " + k.Revoked.Format(time.DateOnly)
					case k.Expires.Before(time.Now()):
						state = "expired " + k.Expires.Format(time.DateOnly)
					}
					rows[i] = []string{k.ID, printable(k.Name), k.Method, k.Source, k.Scopes, state}
				}
				return printTable(cmd.OutOrStdout(), []string{"CLIENT ID", "NAME", "METHOD", "SOURCE", "SCOPES", "STATE"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

var theClient = exactly("the id of a client, as \"muster oauth client list\" shows it")

func newOAuthClientRotate() *cobra.Command {
	var hub hubFlags
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Give a client another secret; the old one works on for a while", Args: theClient,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				made, err := c.RotateOAuthClient(cmd.Context(), args[0], admin.OAuthRotateRequest{Overlap: int64(overlap.Seconds())})
				if err != nil {
					return err
				}
				return printCredentials(cmd.OutOrStdout(), made)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", oauth.DefaultOverlap, "how long the old secret works on")
	return cmd
}

func newOAuthClientRevoke() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a client: its tokens are refused within five seconds", Args: theClient,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.RevokeOAuthClient(cmd.Context(), args[0]) })
		},
	}
	hub.addTenant(cmd)
	return cmd
}

func newOAuthIssuer() *cobra.Command {
	cmd := &cobra.Command{
		Use: "issuer", Short: "Issuers outside whose access tokens are taken", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOAuthIssuerAdd(), newOAuthIssuerList(), newOAuthIssuerTest(), newOAuthIssuerRemove())
	return cmd
}

func newOAuthIssuerAdd() *cobra.Command {
	var hub hubFlags
	var req admin.OAuthIssuer
	var secretFile, scopes string
	cmd := &cobra.Command{
		Use:   "add NAME --url URL --audience AUD | add --entra TENANT-ID",
		Short: "Take access tokens of an issuer, or of Entra ID's own provisioning service",
		Long: `Tokens are JWTs (RFC 9068) whose keys are found by discovery, unless --introspection names where opaque ones are asked for. The
issuer belongs to the tenant: no other one takes its tokens for this audience.`,
		Example: `  muster oauth issuer add keycloak --url https://id.example/realms/x --audience https://scim.example.com/scim/v2
  muster oauth issuer add --entra 72f988bf-86f1-41af-91ab-2d7cd011db47`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				req.Name = args[0]
			} else if req.Entra == "" {
				return usageError{errors.New("an issuer needs a name, unless it is --entra")}
			}
			req.Scopes = scopes
			if secretFile != "" {
				text, err := os.ReadFile(secretFile)
				if secretFile == "-" {
					text, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), 64<<10))
				}
				if err != nil {
					return err
				}
				req.Secret = strings.TrimSpace(string(text))
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				made, err := c.AddOAuthIssuer(cmd.Context(), req)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "tokens of %s for %s are taken; try \"muster oauth issuer test %s\"\n", made.URL, made.Audience, made.Name)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	f := cmd.Flags()
	f.StringVar(&req.Entra, "entra", "", "id of an Entra tenant, whose provisioning service comes with tokens of its own")
	f.StringVar(&req.URL, "url", "", "the issuer, exactly as its tokens have it in iss")
	f.StringVar(&req.Audience, "audience", "", "what its tokens have in aud")
	f.StringSliceVar(&req.Clients, "client", nil, "a client_id, azp or appid that may come; may be given again (default: all)")
	f.StringSliceVar(&req.Algs, "alg", nil, "an algorithm of its signatures; may be given again (default: RS256, ES256, EdDSA)")
	f.StringVar(&req.JWKS, "jwks", "", "URL of its keys (default: what discovery says)")
	f.BoolVar(&req.AnyType, "any-type", false, "also take tokens that are not typed at+jwt, from issuers that do not know that")
	f.StringVar(&scopes, "scopes", "", "what a token may do that names no scopes at all (default: nothing)")
	f.StringVar(&req.SourceName, "source", "", "the source that it speaks for (default: the tenant's first)")
	f.StringVar(&req.Profile, "profile", "compat", "preset of compatibility switches")
	f.StringVar(&req.Introspection, "introspection", "", "URL where opaque tokens are asked for (RFC 7662)")
	f.StringVar(&req.ClientID, "client-id", "", "by which we ask there")
	f.StringVar(&secretFile, "secret-file", "", "file with the secret by which we ask there; - for standard input")
	return cmd
}

func newOAuthIssuerList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the issuers outside", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.OAuthIssuers(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, k := range all {
					kind := "JWT"
					if k.Introspection != "" {
						kind = "introspection"
					}
					rows[i] = []string{k.Name, printable(k.URL), printable(k.Audience), kind, k.SourceName, cmp.Or(k.Issuer.Scopes, "as in the token")}
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "ISSUER", "AUDIENCE", "TOKENS", "SOURCE", "SCOPES"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

var theIssuer = exactly("the name of an issuer, as \"muster oauth issuer list\" shows it")

func newOAuthIssuerTest() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Ask an issuer for its keys, as a token of it makes a running hub do", Args: theIssuer,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				tried, err := c.TestOAuthIssuer(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), tried)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d keys at %s\n", len(tried.Keys), tried.JWKS)
				for _, k := range tried.Keys {
					if err == nil {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), "  "+printable(k))
					}
				}
				return err
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newOAuthIssuerRemove() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Take no tokens of an issuer any more, within five seconds", Args: theIssuer,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.RemoveOAuthIssuer(cmd.Context(), args[0]) })
		},
	}
	hub.addTenant(cmd)
	return cmd
}

func newOAuthKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "The keys that sign our access tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, rotate := range []bool{false, true} {
		var hub hubFlags
		var asJSON bool
		sub := &cobra.Command{Use: "list", Short: "List the signing keys", Args: cobra.NoArgs}
		if rotate {
			sub.Use, sub.Short = "rotate", "Sign with a new key; the old one verifies for another day"
		}
		sub.RunE = func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.OAuthKeys(cmd.Context(), rotate)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, k := range all {
					state := "signs"
					if !k.Retired.IsZero() {
						state = "verifies only, since " + k.Retired.Local().Format(time.DateTime)
					}
					rows[i] = []string{k.ID, k.Made.Local().Format(time.DateTime), state}
				}
				return printTable(cmd.OutOrStdout(), []string{"KEY", "MADE", "STATE"}, rows)
			})
		}
		hub.add(sub)
		sub.Flags().BoolVar(&asJSON, "json", false, "print JSON")
		cmd.AddCommand(sub)
	}
	return cmd
}
