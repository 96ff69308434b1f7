package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/config/memory"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/labels"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/log"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A question: these policies are all there are; what does istiod give this
// proxy to enforce?
type question struct {
	ID       json.RawMessage   `json:"id"`
	Policies []json.RawMessage `json:"policies"`
	// Proxy is "waypoint", "sidecar", "gateway" or "ztunnel"; a ztunnel needs no workload.
	Proxy    string   `json:"proxy"`
	Workload workload `json:"workload"`
	Settings settings `json:"settings"`
}

type workload struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	// Service is the one whose listener of the waypoint is meant: a name in
	// the workload's namespace, or an object. A sidecar has no use for it.
	Service *service `json:"service"`
	// Gateway names the Gateway that the waypoint is an instance of.
	Gateway string `json:"gateway"`
}

type service struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// ServiceEntry: it is one, and a targetRef must say so.
	ServiceEntry bool `json:"serviceEntry"`
}

func (s *service) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		return json.Unmarshal(text, &s.Name)
	}
	type plain service
	return json.Unmarshal(text, (*plain)(s))
}

// Settings default to Istio's.
type settings struct {
	RootNamespace      string   `json:"rootNamespace"`
	TrustDomain        string   `json:"trustDomain"`
	TrustDomainAliases []string `json:"trustDomainAliases"`
}

type answer struct {
	ID         json.RawMessage   `json:"id"`
	Validation []validation      `json:"validation"`
	Filters    []json.RawMessage `json:"filters"`
	TCPFilters []json.RawMessage `json:"tcpFilters"`
	// Authorizations is there for a ztunnel only.
	Authorizations []authorization `json:"authorizations,omitempty"`
	// Error: the question itself is wrong, or Istio failed on it.
	Error string `json:"error,omitempty"`
}

// nothing has lists that are empty, not null.
func nothing() answer {
	return answer{
		Validation: []validation{},
		Filters:    []json.RawMessage{},
		TCPFilters: []json.RawMessage{},
	}
}

func failed(id json.RawMessage, format string, args ...any) answer {
	a := nothing()
	a.ID, a.Error = id, fmt.Sprintf(format, args...)
	return a
}

type validation struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	OK        bool   `json:"ok"`
	Error     string `json:"error,omitempty"`
	Warning   string `json:"warning,omitempty"`
}

// runJudge answers one line of JSON per line of JSON, as they come, so that a
// test can keep it running and ask as it goes.
func runJudge(args []string) int {
	if len(args) != 0 {
		fmt.Fprintln(os.Stderr, "usage: mesh-cluster istio-judge <QUESTIONS >ANSWERS, a JSON object a line each")
		return 2
	}
	// Istio logs to stdout unless told otherwise.
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	if err := log.Configure(options); err != nil {
		fmt.Fprintf(os.Stderr, "istio-judge: %v\n", err)
		return 1
	}
	if err := judgeLines(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "istio-judge: %v\n", err)
		return 1
	}
	return 0
}

func judgeLines(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, readError := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := encoder.Encode(judgeLine(line)); err != nil {
				return err
			}
		}
		if errors.Is(readError, io.EOF) {
			return nil
		}
		if readError != nil {
			return readError
		}
	}
}

func judgeLine(line []byte) (a answer) {
	defer func() {
		// A panic of Istio's is an answer about these policies, not the end of
		// all questions.
		if r := recover(); r != nil {
			a = failed(a.ID, "panic: %v", r)
		}
	}()
	// The id on its own first: a wrong question, too, is answered by its id.
	var named struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(line, &named); err != nil {
		return failed(nil, "not a question: %v", err)
	}
	a.ID = named.ID
	var q question
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		return failed(named.ID, "not a question: %v", err)
	}
	judged, err := judge(q)
	if err != nil {
		return failed(q.ID, "%v", err)
	}
	judged.ID = q.ID
	return judged
}

func judge(q question) (answer, error) {
	if q.Proxy == "ztunnel" {
		return judgeZtunnel(q)
	}
	a := nothing()
	store := memory.MakeSkipValidation(collections.Pilot)
	for _, text := range q.Policies {
		verdict, converted := validate(text)
		// Only what the webhook admits is ever stored; the rest has a verdict
		// and no effect.
		if verdict.OK {
			if _, err := store.Create(*converted); err != nil {
				verdict.OK, verdict.Error = false, err.Error()
			}
		}
		a.Validation = append(a.Validation, verdict)
	}

	proxy, svc, err := proxyOf(q)
	if err != nil {
		return a, err
	}
	meshConfig := meshOf(q.Settings)
	policies := model.GetAuthorizationPolicies(&model.Environment{ConfigStore: store})
	policies.RootNamespace = meshConfig.GetRootNamespace()
	push := model.NewPushContext()
	push.Mesh = meshConfig
	push.AuthzPolicies = policies

	// What istiod's listeners do: a waypoint reads the client's identity from
	// filter state, a sidecar from the connection.
	filterState := proxy.Type == model.Waypoint
	for _, action := range []authz.ActionType{authz.Custom, authz.Local} {
		builder := authz.NewBuilderForService(action, push, proxy, filterState, svc)
		for _, filter := range builder.BuildHTTP(networking.ListenerClassSidecarInbound) {
			if a.Filters, err = appendJSON(a.Filters, filter); err != nil {
				return a, err
			}
		}
		for _, filter := range builder.BuildTCP() {
			if a.TCPFilters, err = appendJSON(a.TCPFilters, filter); err != nil {
				return a, err
			}
		}
	}
	return a, nil
}

// What the webhook knows at the top of an object.
var knownFields = map[string]bool{
	"apiVersion": true, "kind": true, "metadata": true, "spec": true, "status": true,
}

// validate does what Istio's webhook does with an object.
func validate(text []byte) (validation, *config.Config) {
	var verdict validation
	refuse := func(format string, args ...any) (validation, *config.Config) {
		verdict.Error = fmt.Sprintf(format, args...)
		return verdict, nil
	}
	var object crd.IstioKind
	if err := json.Unmarshal(text, &object); err != nil {
		return refuse("cannot decode configuration: %v", err)
	}
	if object.Namespace == "" {
		object.Namespace = "default"
	}
	verdict.Name, verdict.Namespace = object.Name, object.Namespace
	schema := collections.AuthorizationPolicy
	gvk := object.GroupVersionKind()
	if gvk.Group != schema.Group() || gvk.Kind != schema.Kind() {
		return refuse("`%s` is not an AuthorizationPolicy", gvk)
	}
	converted, err := crd.ConvertObject(schema, &object, "cluster.local")
	if err != nil {
		return refuse("error decoding configuration: %v", err)
	}
	warning, err := schema.ValidateConfig(*converted)
	if warning != nil {
		verdict.Warning = warning.Error()
	}
	if err != nil {
		return refuse("configuration is invalid: %v", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return refuse("cannot decode configuration fields: %v", err)
	}
	for field := range fields {
		if !knownFields[field] {
			return refuse("unknown field %q", field)
		}
	}
	verdict.OK = true
	return verdict, converted
}

const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name"

func proxyOf(q question) (*model.Proxy, *model.Service, error) {
	w := q.Workload
	if w.Namespace == "" {
		return nil, nil, errors.New("`workload.namespace` is missing")
	}
	all := labels.Instance{}
	for key, value := range w.Labels {
		all[key] = value
	}
	proxy := &model.Proxy{
		ID:              "judged",
		ConfigNamespace: w.Namespace,
		Labels:          all,
		Metadata:        &model.NodeMetadata{Namespace: w.Namespace, Labels: all},
		IstioVersion:    model.MaxIstioVersion,
	}
	switch q.Proxy {
	case "sidecar":
		if w.Gateway != "" {
			return nil, nil, errors.New("`workload.gateway` is for a waypoint or a gateway")
		}
		proxy.Type = model.SidecarProxy
		// A sidecar's listeners ask for the policies of its pod, whatever the
		// service.
		return proxy, nil, nil
	case "waypoint":
		proxy.Type = model.Waypoint
		if w.Gateway != "" {
			all[gatewayNameLabel] = w.Gateway
		}
		if all[gatewayNameLabel] == "" {
			return nil, nil, errors.New("`workload.gateway` is missing: a waypoint is an instance of a Gateway")
		}
		return proxy, serviceOf(w), nil
	case "gateway":
		proxy.Type = model.Router
		if w.Gateway != "" {
			all[gatewayNameLabel] = w.Gateway
		}
		return proxy, nil, nil
	default:
		return nil, nil, fmt.Errorf("`proxy` is `%s`, not `waypoint`, `sidecar`, `gateway` or `ztunnel`", q.Proxy)
	}
}

func serviceOf(w workload) *model.Service {
	if w.Service == nil {
		return nil
	}
	namespace := w.Service.Namespace
	if namespace == "" {
		namespace = w.Namespace
	}
	registry := provider.Kubernetes
	if w.Service.ServiceEntry {
		registry = provider.External
	}
	return &model.Service{
		Hostname: host.Name(w.Service.Name + "." + namespace + ".svc.cluster.local"),
		Attributes: model.ServiceAttributes{
			Name:            w.Service.Name,
			Namespace:       namespace,
			ServiceRegistry: registry,
		},
	}
}

func meshOf(s settings) *meshconfig.MeshConfig {
	c := mesh.DefaultMeshConfig()
	if s.RootNamespace != "" {
		c.RootNamespace = s.RootNamespace
	}
	if s.TrustDomain != "" {
		c.TrustDomain = s.TrustDomain
	}
	c.TrustDomainAliases = s.TrustDomainAliases
	return c
}

// appendJSON writes a filter as Envoy's own configuration has it.
func appendJSON(list []json.RawMessage, message proto.Message) ([]json.RawMessage, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return list, err
	}
	// protojson varies its white space on purpose, so that nobody relies on it.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return list, err
	}
	return append(list, compact.Bytes()), nil
}
