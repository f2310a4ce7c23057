package replay

import "github.com/countersign/countersign"

// checkSeparate finds what must not be asked in the name of another, nor together,
// once an organization is sealed (governance.md S3, R8).
func (p *player) checkSeparate(r *request, l *leaf) {
	if !p.sealed() {
		return
	}
	for _, op := range r.ops {
		p.must(l.Actor.Subject == "" || !p.describe(r, op).unmakes, "it asks in the name of %s for %s, which has to do with who approves", l.Actor.Subject, op.Kind())
		if put, is := op.(*countersign.PutPolicy); is {
			p.checkSources(r, put.Policy)
		}
	}
}

// checkSources looks at the other operations as the policy will that is put with them.
func (p *player) checkSources(r *request, policy countersign.Policy) {
	p.supposed = &policy
	defer func() { p.supposed = nil }()
	for _, op := range r.ops {
		p.must(op.Kind() == countersign.KindPolicyPut || !p.describe(r, op).unmakes, "it puts a policy together with %s, which changes whom that asks", op.Kind())
	}
}

// policy is what is in force, or what is put in question.
func (p *player) policy() countersign.Policy {
	if p.supposed != nil {
		return *p.supposed
	}
	now, _ := read[policyField](p, countersign.PolicyFact())
	return now.Policy
}
