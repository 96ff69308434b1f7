package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	securityclient "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/serviceregistry/ambient"
	"istio.io/istio/pkg/kube/krt"
)

// What istiod sends to ztunnels for these policies: the L4 form of each, in
// the order of their names. Which of them meet at a pod is ztunnel's to find
// out, and for those with a selector istiod's, from the pod's labels.
type authorization struct {
	Authorization json.RawMessage `json:"authorization"`
	// Selector is null where istiod attaches the policy to no pod by labels.
	Selector map[string]string `json:"selector"`
	// Warning is what istiod writes into the policy's status.
	Warning string `json:"warning,omitempty"`
}

// judgeZtunnel runs istiod's own collections over what the webhook admits.
func judgeZtunnel(q question) (answer, error) {
	a := nothing()
	var admitted []*securityclient.AuthorizationPolicy
	for _, text := range q.Policies {
		verdict, _ := validate(text)
		a.Validation = append(a.Validation, verdict)
		if !verdict.OK {
			continue
		}
		// As istiod's informers read it.
		policy := &securityclient.AuthorizationPolicy{}
		if err := json.Unmarshal(text, policy); err != nil {
			return a, fmt.Errorf("`%s`: %w", verdict.Name, err)
		}
		policy.Namespace = verdict.Namespace
		admitted = append(admitted, policy)
	}

	stop := make(chan struct{})
	defer close(stop)
	options := krt.NewOptionsBuilder(stop, "judge", krt.GlobalDebugHandler)
	meshConfig := krt.NewStatic(&ambient.MeshConfig{MeshConfig: meshOf(q.Settings)}, true, options.WithName("mesh")...)
	policies, _ := ambient.PolicyCollections(
		krt.NewStaticCollection(nil, admitted, options.WithName("policies")...),
		krt.NewStaticCollection[*securityclient.PeerAuthentication](nil, nil, options.WithName("peers")...),
		meshConfig,
		krt.NewStaticCollection[ambient.Waypoint](nil, nil, options.WithName("waypoints")...),
		options,
		ambient.FeatureFlags{},
	)
	if !policies.WaitUntilSynced(stop) {
		return a, fmt.Errorf("istiod's collections did not settle")
	}
	found := policies.List()
	slices.SortFunc(found, func(a, b model.WorkloadAuthorization) int {
		return strings.Compare(a.ResourceName(), b.ResourceName())
	})
	for _, converted := range found {
		if converted.Authorization == nil {
			continue
		}
		text, err := appendJSON(nil, converted.Authorization)
		if err != nil {
			return a, err
		}
		one := authorization{Authorization: text[0], Selector: converted.GetLabelSelector()}
		if status := converted.Binding.Status; status != nil {
			one.Warning = status.Message
		}
		a.Authorizations = append(a.Authorizations, one)
	}
	return a, nil
}
