package config

import (
	"encoding/base64"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// key is 32 bytes as a random source might give them.
var key = func() []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(i*37 + 11)
	}
	return b
}()

var (
	signing = "whsec_" + base64.StdEncoding.EncodeToString(key)
	environ = map[string]string{"HOOK_SECRET": signing, "APP_TOKEN": "app-token"}
)

// write puts text into a muster.yaml of its own and returns the path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), DefaultFile)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, text string, flags Overrides, environ map[string]string) *Config {
	t.Helper()
	c, err := load(write(t, text), flags, environ)
	if err != nil {
		t.Fatalf("load:\n%s\n%v", text, err)
	}
	return c
}

// problemsOf loads text and returns the problems without the file's folder.
func problemsOf(t *testing.T, text string, flags Overrides, environ map[string]string) string {
	t.Helper()
	path := write(t, text)
	c, err := load(path, flags, environ)
	if err == nil {
		return ""
	}
	if c != nil {
		t.Error("load returned a configuration beside an error")
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Fatalf("load: %v is not an *Error", err)
	}
	return strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "")
}

func TestNothingConfiguredIsTheDefault(t *testing.T) {
	t.Parallel()
	want := Default()
	want.BaseURL = "http://127.0.0.1:8080"
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "targets:\n", "log: {}\n"} {
		got := mustLoad(t, text, Overrides{}, nil)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	got, err := load("", Overrides{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("no file (-want +got):\n%s", diff)
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("the default is not valid: %v", err)
	}
}

// The example is the manual of the file: it must load, and show every key with its
// default where it does not show a use.
func TestExampleIsCompleteAndLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/muster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, string(text))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "wiki.token"), []byte("wiki-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(path, Overrides{}, map[string]string{"MUSTER_AUDIT_TRAIL_SECRET": signing})
	if err != nil {
		t.Fatalf("examples/muster.yaml:\n%v", err)
	}
	if len(c.Targets) != 2 || c.Targets[0].Secrets[0].Reveal() != signing || c.Targets[1].Token.Reveal() != "wiki-token" {
		t.Errorf("targets of the example: %+v", c.Targets)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Log](), reflect.TypeFor[Outbound](), reflect.TypeFor[TLS](), reflect.TypeFor[Keyring](), reflect.TypeFor[Limits](), reflect.TypeFor[Target]()} {
		for _, k := range keysOf(typ) {
			if k == "secret_file" || k == "token_env" {
				continue // their other halves are shown
			}
			if !strings.Contains(string(text), k+":") {
				t.Errorf("the key %s of %s is not in the example", k, typ)
			}
		}
	}
	d := Default()
	if c.Limits != d.Limits || c.Log != d.Log || c.Listen != d.Listen || c.Metrics != d.Metrics || c.InsecureHTTP {
		t.Error("the example shows other defaults than there are")
	}
}

func TestGoldenErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			_, err := load(path, Overrides{}, environ)
			if err == nil {
				t.Fatal("loads, want an error")
			}
			got := filepath.ToSlash(err.Error()) + "\n"
			golden := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("the problems show a secret")
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const text = "listen: 127.0.0.1:1001\nlog:\n  level: warn\n  format: json\ninsecure_http: true\n"
	variables := map[string]string{"MUSTER_LISTEN": "127.0.0.1:1002", "MUSTER_LOG_LEVEL": "error", "MUSTER_INSECURE_HTTP": "false", "MUSTER_METRICS": ""}
	listen := "127.0.0.1:1003"
	c := mustLoad(t, text, Overrides{Listen: &listen}, variables)
	for _, v := range []struct {
		path, got, want string
		origin          Source
		name            string
	}{
		{"listen", c.Listen, "127.0.0.1:1003", FromFlag, "--listen"},
		{"log.level", c.Log.Level, "error", FromEnvironment, "MUSTER_LOG_LEVEL"},
		{"log.format", c.Log.Format, "json", FromFile, ":4"},
		{"metrics", c.Metrics, "127.0.0.1:9090", FromDefault, "default"},
		{"base_url", c.BaseURL, "http://127.0.0.1:1003", FromDefault, "default"},
	} {
		o := c.Origin(v.path)
		if v.got != v.want || o.Source != v.origin || !strings.HasSuffix(o.String(), v.name) {
			t.Errorf("%s = %q from %s, want %q from %s", v.path, v.got, o, v.want, v.name)
		}
	}
	if c.InsecureHTTP || c.Origin("insecure_http").Source != FromEnvironment {
		t.Error("MUSTER_INSECURE_HTTP=false does not overrule the file")
	}
}

func TestEveryFlagOverrides(t *testing.T) {
	t.Parallel()
	text, address, yes := "http://flag.example", "127.0.0.1:7", true
	level, format, off := "debug", "text", "off"
	data, database := "relative/data", "postgres://muster@db.example/muster"
	c, err := load("", Overrides{Data: &data, Database: &database, Listen: &address, BaseURL: &text, Metrics: &off, InsecureHTTP: &yes, LogLevel: &level, LogFormat: &format}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data, want.Listen, want.BaseURL, want.Metrics, want.InsecureHTTP = data, address, text, "", true
	want.Log, want.Database.URL = Log{Level: level, Format: format}, database
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if n := reflect.TypeFor[Overrides]().NumField(); n != len(c.origins) {
		t.Errorf("%d of %d flags have an origin", len(c.origins), n)
	}
}

func TestEveryVariableSets(t *testing.T) {
	t.Parallel()
	fields := map[string]bool{}
	for _, v := range variables {
		if fields[v.field] {
			t.Errorf("two variables set fields called %s; problems of one would be told of both", v.field)
		}
		fields[v.field] = true
		value := map[string]string{"a whole number": "1", "true or false": "true", "a list": "10.0.0.0/8,127.0.0.0/8", "a text": "x", "a duration, such as 10s": "10s"}[v.want]
		c := Default()
		ps := &problems{c: c}
		c.readEnvironment(ps, map[string]string{v.name: value})
		if len(ps.list) > 0 || c.Origin(v.path).Name != v.name {
			t.Errorf("%s=%s: %v, origin %s", v.name, value, ps.list, c.Origin(v.path))
		}
		if cmp.Equal(Default(), c, cmpopts.IgnoreUnexported(Config{})) {
			t.Errorf("%s changes nothing", v.name)
		}
	}
	if !slices.ContainsFunc(variables, func(v variable) bool { return v.name == "MUSTER_DATA" && v.path == "data" }) {
		t.Errorf("MUSTER_DATA is not among the variables: %v", variables)
	}
}

func TestProblemsOutsideTheFile(t *testing.T) {
	t.Parallel()
	listen := "8080"
	got := problemsOf(t, "log: {level: info}\n", Overrides{Listen: &listen}, map[string]string{
		"MUSTER_INSECURE_HTTP": "perhaps", "MUSTER_LOG_LEVEL": "loud", "MUSTER_LIMITS_MAX_PAGE": "many",
	})
	want := strings.Join([]string{
		"MUSTER_INSECURE_HTTP: insecure_http: is not true or false",
		"MUSTER_LIMITS_MAX_PAGE: limits.max_page: is not a whole number",
		"--listen: listen: is not an address; write it as host:port, such as 127.0.0.1:8080",
		"MUSTER_LOG_LEVEL: log.level: is not one of debug, info, warn, error",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestPathsStartWhereTheyWereWritten(t *testing.T) {
	t.Parallel()
	path := write(t, "data: state\ntargets:\n- {name: hook, type: webhook, url: 'https://hook.example', secret_file: keys/hook}\n")
	folder := filepath.Dir(path)
	if err := os.Mkdir(filepath.Join(folder, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "keys", "hook"), []byte(signing+"\n"+signing+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(path, Overrides{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, "state"); c.Data != want {
		t.Errorf("data = %q, want %q", c.Data, want)
	}
	if got := c.Targets[0].Secrets; len(got) != 2 || got[1].Reveal() != signing {
		t.Errorf("%d secrets, want the two of the file", len(got))
	}
	c, err = load(path, Overrides{}, map[string]string{"MUSTER_DATA": "elsewhere"})
	if err != nil || c.Data != "elsewhere" {
		t.Errorf("data from the environment = %q, %v, want it unchanged", c.Data, err)
	}
}

func TestTargetsAreFilledIn(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
base_url: https://muster.example/base/
outbound: {allow: [127.0.0.0/8]}
targets:
- name: app
  type: scim
  url: http://127.0.0.1:9000/scim/v2/
  token_env: APP_TOKEN
- name: hook
  type: webhook
  url: https://hook.example/a/
  secret_env: HOOK_SECRET
  start: now
  concurrency: 9
  rate: 2.5
  events: [user.created]
`, Overrides{}, environ)
	app, hook := c.Targets[0], c.Targets[1]
	if c.BaseURL != "https://muster.example/base" || app.URL != "http://127.0.0.1:9000/scim/v2" || hook.URL != "https://hook.example/a/" {
		t.Errorf("URLs: %q %q %q; only base URLs lose the slash at the end", c.BaseURL, app.URL, hook.URL)
	}
	if app.Start != StartBeginning || app.Concurrency != 4 || app.Rate != 0 || app.Token.Reveal() != "app-token" {
		t.Errorf("defaults of a target: %+v", app)
	}
	if hook.Start != StartNow || hook.Concurrency != 9 || hook.Rate != 2.5 || len(hook.Events) != 1 || hook.Secrets[0].Reveal() != signing {
		t.Errorf("what the file says of a target: %+v", hook)
	}
}

func TestAliasesAreRead(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
targets:
- {name: one, type: webhook, url: &url https://hook.example, secret_env: HOOK_SECRET, events: &events [user.created]}
- {name: two, type: webhook, url: *url, secret_env: HOOK_SECRET, events: *events}
`, Overrides{}, environ)
	if two := c.Targets[1]; two.URL != "https://hook.example" || len(two.Events) != 1 {
		t.Errorf("second target %+v, want URL and events of the first", two)
	}
}

func TestSec_A03_WeakOrEmptySecretsStopTheStart(t *testing.T) {
	t.Parallel()
	long := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString(slices.Concat(key, key, key)[:n])
	}
	for _, c := range []struct {
		name, secret, want string // want in the problem; empty: accepted
	}{
		{"32 bytes", signing, ""},
		{"64 bytes", long(64), ""},
		{"two", signing + "\n" + long(40) + "\n", ""},
		{"empty", "", "empty secret"},
		{"blank", " \n\t", "empty secret"},
		{"31 bytes", long(31), "31 bytes, not 32 to 64"},
		{"65 bytes", long(65), "65 bytes"},
		{"no prefix", base64.StdEncoding.EncodeToString(key), "does not begin with whsec_"},
		{"prefix alone", "whsec_", "0 bytes"},
		{"not base64", "whsec_hunter2!" + strings.Repeat("x", 40), "not base64"},
		{"one byte over and over", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "not random"},
		{"three", signing + " " + signing + " " + signing, "more than 2"},
		{"too long", strings.Repeat("x", 17<<10), "over 16384 bytes"},
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(c.secret), 0o600); err != nil {
			t.Fatal(err)
		}
		got := problemsOf(t, "targets:\n- {name: hook, type: webhook, url: 'https://hook.example', secret_file: '"+path+"'}\n", Overrides{}, nil)
		if c.want == "" && got != "" || c.want != "" && (!strings.Contains(got, c.want) || !strings.Contains(got, "muster.yaml:2: targets[0].secret_file: ")) {
			t.Errorf("%s: problems %q, want %q", c.name, got, c.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: the problem shows the secret: %s", c.name, got)
		}
	}
}

func TestTokensOfTargets(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"app-token": "", " app-token\n": "", "a.b-c_d~e+f/g=": "", "": "empty token", "two words": "a blank", "caf\u00e9": "outside ASCII", "a\x00b": "a blank",
	} {
		got := problemsOf(t, "targets:\n- {name: app, type: scim, url: 'https://app.example', token_env: APP_TOKEN}\n", Overrides{}, map[string]string{"APP_TOKEN": token})
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: problems %q, want %q", token, got, want)
		}
	}
}

func TestSecretFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(folder, "none"): "does not exist",
		folder:                        "not a regular file",
	} {
		for _, key := range []string{"token_file", "ca_file"} {
			text := "targets:\n- {name: app, type: scim, url: 'https://app.example', token_env: APP_TOKEN, " + key + ": '" + path + "'}\n"
			if key == "token_file" {
				text = strings.Replace(text, "token_env: APP_TOKEN, ", "", 1)
			}
			if got := problemsOf(t, text, Overrides{}, environ); !strings.Contains(got, "targets[0]."+key) || !strings.Contains(got, want) {
				t.Errorf("%s at %s: %q, want %q", key, path, got, want)
			}
		}
	}
	empty := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := problemsOf(t, "targets:\n- {name: app, type: scim, url: 'https://app.example', token_env: APP_TOKEN, ca_file: '"+empty+"'}\n", Overrides{}, environ)
	if !strings.Contains(got, "no certificate") {
		t.Errorf("empty ca_file: %q", got)
	}
}

func TestSec_A21_PlainListenersStayOnLoopback(t *testing.T) {
	t.Parallel()
	for address, loopback := range map[string]bool{
		"127.0.0.1:8090": true, "127.9.9.9:1": true, "localhost:8090": true, "[::1]:8090": true, "127.0.0.1:0": true,
		"0.0.0.0:8090": false, ":8090": false, "[::]:8090": false, "192.168.1.1:8090": false, "muster.example:8090": false,
	} {
		for _, key := range []string{"listen", "metrics"} {
			got := problemsOf(t, key+": '"+address+"'\n", Overrides{}, nil)
			if got == "" != loopback || !loopback && !strings.Contains(got, "insecure_http: true") {
				t.Errorf("%s: %s: problems %q, want loopback %t", key, address, got, loopback)
			}
			if got := problemsOf(t, key+": '"+address+"'\ninsecure_http: true\n", Overrides{}, nil); got != "" {
				t.Errorf("%s: %s with insecure_http: problems %q", key, address, got)
			}
		}
	}
	for _, address := range []string{"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:080", "::1:8080"} {
		if got := problemsOf(t, "listen: '"+address+"'\n", Overrides{}, nil); !strings.Contains(got, "muster.yaml:1: listen: ") {
			t.Errorf("listen: %q: problems %q, want one of listen", address, got)
		}
	}
}

func TestBaseURLOfAListener(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "[::1]:80": "http://[::1]:80", "0.0.0.0:81": "http://localhost:81", "[::]:82": "http://localhost:82", "nonsense": "",
	} {
		if got := BaseURL(address); got != want {
			t.Errorf("BaseURL(%q) = %q, want %q", address, got, want)
		}
	}
	if c := mustLoad(t, "listen: 127.0.0.1:0\n", Overrides{}, nil); c.BaseURL != "" {
		t.Errorf("base_url = %q before the port is known", c.BaseURL)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	large := write(t, "# "+strings.Repeat("x", 1<<20)+"\n")
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none.yaml"): "there is no file",
		t.TempDir():                             "read configuration",
		large:                                   "is over 1048576 bytes",
	} {
		if _, err := load(path, Overrides{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestLoadReadsTheEnvironmentOfTheProcess(t *testing.T) {
	t.Setenv("MUSTER_LOG_LEVEL", "debug")
	c, err := Load("", Overrides{})
	if err != nil || c.Log.Level != "debug" {
		t.Errorf("log.level = %v, %v, want that of the environment", c, err)
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"lisen": "did you mean listen?", "base-url": "did you mean base_url?", "zzzzzz": "there are data, listen"} {
		if got := suggest(key, []string{"data", "listen", "base_url"}); !strings.HasPrefix(got, want) {
			t.Errorf("suggest(%q) = %q, want %q", key, got, want)
		}
	}
}

// TestPasswordOfTheDatabase: it comes from a file, a variable, or the variable of the URL, and is shown nowhere.
func TestPasswordOfTheDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("p@ss\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const bare, whole = "postgres://muster@db.example/muster", "postgres://muster:p%40ss@db.example/muster"
	for name, tc := range map[string]struct {
		text string
		env  map[string]string
	}{
		"a file":               {text: "database:\n  url: " + bare + "\n  password_file: " + file + "\n"},
		"a variable":           {text: "database:\n  url: " + bare + "\n  password_env: PW\n", env: map[string]string{"PW": "p@ss"}},
		"the URL's variable":   {env: map[string]string{"MUSTER_DATABASE_URL": whole}},
		"a file by a variable": {env: map[string]string{"MUSTER_DATABASE_URL": bare, "MUSTER_DATABASE_PASSWORD_FILE": file}},
	} {
		path := filepath.Join(t.TempDir(), "muster.yaml")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := load(path, Overrides{}, tc.env)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Database.Source() != whole || c.Database.URL != bare {
			t.Errorf("%s: %s, shown as %s", name, c.Database.Source(), c.Database.URL)
		}
		for _, v := range c.Values() {
			if strings.Contains(v.Value, "p@ss") || strings.Contains(v.Value, "p%40ss") {
				t.Errorf("%s: %s shows the password", name, v.Path)
			}
		}
	}
	for text, want := range map[string]string{
		"database: {url: 'mysql://db/muster'}":                                "database.url: is not a URL of PostgreSQL",
		"database: {url: '" + whole + "'}":                                    "database.url: has a password in it",
		"database: {password_file: x}":                                        "database.url: is empty although",
		"database: {url: '" + bare + "', password_file: x, password_env: Y}":  "password_env: is given beside",
		"database: {url: '" + bare + "', password_file: /nonexistent/secret}": "does not exist",
	} {
		got := problemsOf(t, text+"\n", Overrides{}, nil)
		if !strings.Contains(got, want) || strings.Contains(got, "p%40ss") {
			t.Errorf("%s: problems %q, want %q", text, got, want)
		}
	}
}
