package scenario_test

import "github.com/countersign/countersign/internal/scenario"

// doors are the ways in that every story is told through.
func doors() map[string]scenario.Opening {
	return map[string]scenario.Opening{"engine": scenario.Direct, "http": scenario.HTTP}
}
