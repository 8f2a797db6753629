package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// endTime is what a hub needs after its drain delay, in seconds.
const endTime = 25

// printConfig prints the configuration that manifests give to the hub.
func printConfig(path string) error {
	objects, err := read(path)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if c, ok := object.(*core.ConfigMap); ok {
			fmt.Fprint(os.Stdout, c.Data["muster.yaml"])
		}
	}
	return nil
}

// checkManifests reads the manifests that a chart was rendered to.
func checkManifests(path string) error {
	objects, err := read(path)
	if err != nil {
		return err
	}
	var problems []error
	var kinds []string
	for _, object := range objects {
		kinds = append(kinds, object.GetObjectKind().GroupVersionKind().Kind)
		problems = append(problems, judge(object)...)
	}
	for _, kind := range []string{"Deployment", "Service", "ConfigMap", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"} {
		if !slices.Contains(kinds, kind) {
			problems = append(problems, fmt.Errorf("there is no %s", kind))
		}
	}
	return errors.Join(problems...)
}

// read decodes manifests by the types of the Kubernetes API. Fields that these do not know are errors.
func read(path string) ([]runtime.Object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var objects []runtime.Object
	var problems []error
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, errors.Join(problems...)
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			problems = append(problems, fmt.Errorf("%w in\n%s", err, document))
			continue
		}
		objects = append(objects, object)
	}
}

func judge(object runtime.Object) []error {
	switch o := object.(type) {
	case *apps.Deployment:
		return judgePod(&o.Spec.Template.Spec)
	case *core.Secret:
		return []error{errors.New("a Secret is in the chart; secrets are referred to")}
	case *policy.PodDisruptionBudget:
		if o.Spec.MinAvailable == nil && o.Spec.MaxUnavailable == nil {
			return []error{errors.New("the disruption budget has no budget")}
		}
	case *autoscaling.HorizontalPodAutoscaler:
		if o.Spec.MinReplicas == nil || *o.Spec.MinReplicas < 2 {
			return []error{errors.New("the autoscaler may leave one node alone")}
		}
	}
	return nil
}

func judgePod(pod *core.PodSpec) []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c := pod.SecurityContext; c == nil || c.RunAsNonRoot == nil || !*c.RunAsNonRoot || c.SeccompProfile == nil || c.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		add("the pod may run as root, or without seccomp")
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		add("the pod has a token of the Kubernetes API, which it does not need")
	}
	if g := pod.TerminationGracePeriodSeconds; g == nil || *g <= endTime {
		add("terminationGracePeriodSeconds does not leave the hub the time to end")
	}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		s := c.SecurityContext
		if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
			s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			add("container %s: writable root, capabilities, or more rights than at its start", c.Name)
		}
		for name, probe := range map[string]*core.Probe{"liveness": c.LivenessProbe, "readiness": c.ReadinessProbe, "startup": c.StartupProbe} {
			want := "/healthz"
			if name == "readiness" {
				want = "/readyz"
			}
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != want {
				add("container %s: the %s probe does not ask %s", c.Name, name, want)
			}
		}
		if c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			add("container %s: memory is not bounded", c.Name)
		}
		for _, e := range c.Env {
			if secretIn(e.Name, e.Value) {
				add("container %s: the variable %s has a secret in it", c.Name, e.Name)
			}
		}
	}
	return problems
}

// secretIn reports whether a variable holds a secret, and not where one is.
func secretIn(name, value string) bool {
	if u, err := url.Parse(value); err == nil && u.User != nil {
		_, has := u.User.Password()
		return has
	}
	for _, part := range []string{"PASSWORD", "TOKEN", "SECRET", "KEYRING"} {
		if strings.Contains(name, part) && !strings.HasSuffix(name, "_FILE") && !strings.HasSuffix(name, "_ENV") {
			return value != ""
		}
	}
	return false
}
