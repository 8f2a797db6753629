package packs_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/schema/packs"
)

const (
	bleURN     = "urn:ietf:params:scim:schemas:extension:ble:2.0:Device"
	mabURN     = "urn:ietf:params:scim:schemas:extension:ethernet-mab:2.0:Device"
	passKeyURN = "urn:ietf:params:scim:schemas:extension:pairingPassKey:2.0:Device"
	deviceURN  = "urn:ietf:params:scim:schemas:core:2.0:Device"
)

// set returns the core types with packs.
func set(t *testing.T, names ...string) *schema.Set {
	t.Helper()
	var defs []*schema.Definitions
	for _, n := range names {
		d, err := packs.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		defs = append(defs, d)
	}
	s, err := schema.Build(nil, defs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryPackLoadsWithoutWarningsAndBuilds(t *testing.T) {
	for _, p := range packs.List() {
		t.Run(p.Name, func(t *testing.T) {
			data, err := os.ReadFile(p.Name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			_, warnings, err := schema.Load(data)
			if err != nil || warnings != nil || p.Description == "" {
				t.Errorf("%v, warnings %q", err, warnings)
			}
			if got := len(set(t, p.Name).Types); got < 3 {
				t.Errorf("%d types", got)
			}
		})
	}
	_, err := packs.Load("../packs")
	if err == nil || !strings.Contains(err.Error(), "devices") {
		t.Errorf("unknown pack: %v", err)
	}
}

// AGT-03: nothing of the packs is there unless asked for, and the drafts exclude each other.
func TestAgentPacksAreOffAndExclusive(t *testing.T) {
	if schema.Core(nil).Type("Agent") != nil || schema.Core(nil).Type("Device") != nil {
		t.Error("a pack is on by default")
	}
	if a := set(t, "agents-wzdk", "devices").ByEndpoint("/Agents"); a.Schema.Attribute("agentUserName") == nil { // AGT-01
		t.Error("AGT-01")
	}
	if a := set(t, "agents-abbey"); a.Type("Agent").Schema.Attribute("name").Uniqueness != schema.UniqueServer || a.ByEndpoint("AgenticApplications") == nil { // AGT-02
		t.Error("AGT-02")
	}
	wzdk, _ := packs.Load("agents-wzdk")
	abbey, _ := packs.Load("agents-abbey")
	if _, err := schema.Build(nil, wzdk, abbey); err == nil || !strings.Contains(err.Error(), "defined twice and differently") {
		t.Errorf("both drafts: %v", err)
	}
}

// create reads a body of a Device as a POST does.
func create(t *testing.T, device *schema.ResourceType, body string) (schema.Object, error) {
	t.Helper()
	in, err := schema.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := device.Read(in.(schema.Object), schema.Create, nil)
	if err == nil {
		err = device.Check(doc)
	}
	return doc, err
}

const passKeyDevice = `{"schemas":["` + deviceURN + `","` + bleURN + `"],"displayName":"Lamp","active":true,"` + bleURN + `":{` +
	`"versionSupport":["5.3"],"deviceMacAddress":"2C:54:91:88:C9:E2","pairingMethods":["` + passKeyURN + `"],"` + passKeyURN + `":{"key":123456}}}`

// DEV-01: a device is an ordinary resource: read, checked, stored, filtered, patched,
// projected and described.
func TestDeviceIsAnOrdinaryResource(t *testing.T) {
	s := set(t, "devices")
	device := s.ByEndpoint("/Devices")
	doc, err := create(t, device, passKeyDevice)
	if err != nil {
		t.Fatal(err)
	}
	stored := device.Append(nil, doc)
	if string(stored) != passKeyDevice { // DEV-04: the container of the pairing method stays
		t.Errorf("stored %s", stored)
	}
	back, err := device.Decode(stored)
	if err != nil || !schema.Equal(back, doc) {
		t.Errorf("decoded %v: %v", back, err)
	}
	for f, want := range map[string]bool{
		`displayName eq "lamp" and ` + bleURN + `:deviceMacAddress eq "2c:54:91:88:c9:e2"`: true,
		bleURN + ":" + passKeyURN + `.key eq 123456`:                                       true,
		bleURN + ":" + strings.ToUpper(passKeyURN) + `.KEY gt 123456`:                      false,
		bleURN + ":" + passKeyURN + ` pr`:                                                  true,
	} {
		e, err := filter.Parse(f, nil)
		if err == nil {
			e, err = filter.Bind(e, device, filter.OneType, nil)
		}
		if err != nil || filter.Match(e, s, doc) != want {
			t.Errorf("%s: not %v, %v", f, want, err)
		}
	}
	for name, body := range map[string]string{
		"path":      `{"op":"replace","path":"` + bleURN + ":" + passKeyURN + `.key","value":7}`,
		"container": `{"op":"replace","path":"` + bleURN + `","value":{"` + passKeyURN + `":{"key":7}}}`,
		"no path":   `{"op":"replace","value":{"` + bleURN + `":{"` + passKeyURN + `":{"key":7}}}}`,
	} {
		in, err := schema.Parse([]byte(`{"schemas":["` + scim.PatchOpMessage + `"],"Operations":[` + body + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := patch.New(in, device, nil, 10)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		after, err := p.Apply(doc)
		if err != nil || !strings.Contains(string(device.Append(nil, after)), `{"key":7}`) {
			t.Errorf("PATCH by %s: %v, %v", name, after, err)
		}
	}
	proj, err := device.Project([]string{bleURN + ":" + passKeyURN}, nil, nil)
	if err != nil || string(device.Append(nil, proj.Apply(doc))) == string(stored) || !strings.Contains(string(device.Append(nil, proj.Apply(doc))), `{"key":123456}`) {
		t.Errorf("projected %v, %v", proj.Apply(doc), err)
	}
}

// DEV-04: the schema of a pairing method is published like any other (S-7-01), not as
// an attribute whose name no client expects (S-2.1-03).
func TestPairingMethodsAreSchemas(t *testing.T) {
	s := set(t, "devices")
	pairing := s.Schema(strings.ToUpper(passKeyURN))
	if pairing == nil || pairing.Attribute("KEY") == nil || !slices.Contains(s.Schemas(), pairing) {
		t.Fatalf("got %v", pairing)
	}
	for _, a := range s.Schema(bleURN).Describe("")["attributes"].([]any) {
		if name := a.(schema.Object)["name"].(string); strings.Contains(name, ":") {
			t.Errorf("%s is published as an attribute", name)
		}
	}
	declared := strings.Replace(passKeyDevice, `"],"displayName"`, `","`+passKeyURN+`"],"displayName"`, 1)
	if _, err := create(t, s.Type("Device"), declared); err != nil {
		t.Errorf("declared in schemas: %v", err)
	}
}

func TestDeviceAddresses(t *testing.T) {
	device := set(t, "devices").Type("Device")
	for address, ok := range map[string]bool{ // DEV-05
		"2C:54:91:88:C9:E2": true, "2c:54:91:88:c9:e2": true,
		"2C-54-91-88-C9-E2": false, "2C:54:91:88:C9": false, "2C:54:91:88:C9:E2:00": false, "2G:54:91:88:C9:E2": false, "": false,
		"2C:54:91:88:C9:E2\n": false,
	} {
		quoted, err := json.Marshal(address)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"schemas":["` + deviceURN + `","` + mabURN + `"],"active":true,"` + mabURN + `":{"deviceMacAddress":` + string(quoted) + `}}`
		_, err = create(t, device, body)
		if e := scim.AsError(err); ok != (err == nil) || e != nil && (e.Type != scim.InvalidValue || e.Status != 400) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// DEV-03: an application has a certificate or a token; either is enough.
func TestEndpointApp(t *testing.T) {
	app := set(t, "devices").Type("EndpointApp")
	head := `{"schemas":["` + app.Schema.ID + `"],"applicationType":"telemetry","applicationName":"Thermo"`
	for body, ok := range map[string]bool{
		head + `}`: true,
		head + `,"certificateInfo":{"rootCA":"MIIB","subjectName":"thermo.test"}}`: true,
		head + `,"certificateInfo":{"rootCA":"MIIB"}}`:                             false,
	} {
		if _, err := create(t, app, body); ok != (err == nil) {
			t.Errorf("%s: %v", body, err)
		}
	}
	before := schema.Object{"applicationType": "telemetry"}
	if err := app.CheckChange(before, schema.Object{"applicationType": "deviceControl"}); scim.AsError(err) == nil {
		t.Error("applicationType changed")
	}
}
