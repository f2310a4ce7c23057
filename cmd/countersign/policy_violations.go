package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func violationColumns() []column[client.Violation] {
	return []column[client.Violation]{
		{name: "exclusion", cell: func(v client.Violation) string { return v.Exclusion }},
		{name: "user_id", cell: func(v client.Violation) string { return string(v.UserID) }},
		{name: "user_name", cell: func(v client.Violation) string { return v.UserName }},
		{name: "user_type", cell: func(v client.Violation) string { return string(v.UserType) }},
		{name: "user_state", cell: func(v client.Violation) string { return string(v.UserState) }},
		{name: "holds", cell: func(v client.Violation) string { return sides(v.Sides, math.MaxInt) }},
	}
}

func (s *session) policyViolations(parent *cobra.Command) {
	var paged *paging
	cmd := s.add(parent, verb{
		use: "violations", short: "List who holds what the policy keeps apart",
		long: "Who held it before the policy said so keeps it until it is taken from him; nobody comes to hold more.\n" +
			"Memberships that begin later count, and so do people who are suspended or not yet enrolled.",
		example: "  countersign policy violations --all -o csv",
		run: func(ctx context.Context, _ []string) error {
			return showList(s, paged, violationColumns(), func(p client.Paging, opts ...client.ReadOption) (*client.List[client.Violation], error) {
				return s.api.ListViolations(ctx, p, opts...)
			})
		},
	})
	paged = pages(cmd)
}
