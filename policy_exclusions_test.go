package countersign_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/countersign/countersign"
)

func TestTheShapeOfAnExclusion(t *testing.T) {
	t.Parallel()
	type sides = [][]countersign.Permission
	many := make([]countersign.Permission, 101)
	for i := range many {
		many[i] = countersign.Permission(fmt.Sprintf("p.n%d", i))
	}
	eleven := sides{}
	for _, p := range many[:11] {
		eleven = append(eleven, []countersign.Permission{p})
	}
	hundred := slices.Repeat([]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, {"c.d"}}}}, 101)
	for name, c := range map[string]struct {
		exclusions []countersign.Exclusion
		field      string
	}{
		"two sides":                     {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, {"c.d", "e.f"}}}}, ""},
		"ten sides, a hundred in one":   {[]countersign.Exclusion{{ID: "x", Sides: append(slices.Clone(eleven[:9]), many[1:][9:99])}}, ""},
		"no id":                         {[]countersign.Exclusion{{Sides: sides{{"a.b"}, {"c.d"}}}}, "p.exclusions.0.id"},
		"an id twice":                   {hundred[:2], "p.exclusions.1.id"},
		"more than a hundred":           {hundred, "p.exclusions"},
		"one side":                      {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}}}}, "p.exclusions.0.sides"},
		"eleven sides":                  {[]countersign.Exclusion{{ID: "x", Sides: eleven}}, "p.exclusions.0.sides"},
		"an empty side":                 {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, {}}}}, "p.exclusions.0.sides.1"},
		"more than a hundred in a side": {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, many}}}, "p.exclusions.0.sides.1"},
		"no permission":                 {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, {"everything"}}}}, "p.exclusions.0.sides.1"},
		"a permission on both sides":    {[]countersign.Exclusion{{ID: "x", Sides: sides{{"a.b"}, {"c.d", "a.b"}}}}, "p.exclusions.0.sides.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := countersign.TwoPersonPolicy()
			p.Exclusions = c.exclusions
			err := p.Validate("p")
			var own *countersign.Error
			if errors.As(err, &own); (err == nil) != (c.field == "") || err != nil && own.Field != c.field {
				t.Errorf("%v, want a fault of %q", err, c.field)
			}
		})
	}
}

// The ready-made policies keep an auditor from having a part (S5), whom they may
// let read.
func TestReadyMadePoliciesKeepAuditorsApart(t *testing.T) {
	t.Parallel()
	for _, p := range []countersign.Policy{countersign.TwoPersonPolicy(), countersign.CustodyPolicy("00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002")} {
		if err := p.Validate("policy"); err != nil || len(p.Exclusions) != 1 || !slices.Equal(p.Exclusions[0].Sides[0], []countersign.Permission{countersign.AuditExport}) {
			t.Fatalf("%s: %v, %+v", p.Name, err, p.Exclusions)
		}
		acts := p.Exclusions[0].Sides[1]
		for _, permission := range []countersign.Permission{countersign.ChangesApprove, countersign.UsersCreate, countersign.PoliciesUpdate, countersign.CredentialsDelete, countersign.TransactionsCreate} {
			if !slices.Contains(acts, permission) {
				t.Errorf("%s: an auditor may hold %s", p.Name, permission)
			}
		}
		for _, permission := range []countersign.Permission{countersign.AuditRead, countersign.UsersRead, countersign.ChangesCancel} {
			if slices.Contains(acts, permission) {
				t.Errorf("%s: an auditor may not hold %s", p.Name, permission)
			}
		}
		p.Clone().Exclusions[0].Sides[1][0] = "other.thing"
		if p.Exclusions[0].Sides[1][0] != countersign.ChangesApprove {
			t.Errorf("%s: a copy shares its exclusions", p.Name)
		}
	}
}
