package main

import (
	_ "istio.io/istio/pilot/pkg/security/authz/builder"
)

func runJudge([]string) int { return 1 }
