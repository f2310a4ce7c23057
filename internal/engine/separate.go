package engine

import (
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// checkSeparate holds a batch, prepared, to what must not be asked in one go or
// in somebody else's name, once the organization is sealed: before that nobody is
// asked to approve anything.
func (w *work) checkSeparate(ops []countersign.Change) error {
	if !w.picture.Organization().Sealed() {
		return nil
	}
	if err := w.checkOwnName(ops); err != nil {
		return err
	}
	return w.checkSources(ops)
}

// checkOwnName lets nobody who acts for another ask for what has to do with who
// approves (governance.md S3). Kinds that always do are refused by access; whether
// another one does is known only here.
func (w *work) checkOwnName(ops []countersign.Change) error {
	if w.actor.Subject == "" {
		return nil
	}
	seen := newScope(w.picture, w.actor.User, w.now)
	for i, op := range ops {
		if seen.of(op).Approvers {
			return inBatch(w.o, i, access.ForSomebodyElse())
		}
	}
	return nil
}

// checkSources refuses a policy together with what changes the people whom it
// would ask (governance.md R8): who reads the request could not know by whom the
// rules he agrees to will be kept.
func (w *work) checkSources(ops []countersign.Change) error {
	for _, op := range ops {
		put, is := op.(*countersign.PutPolicy)
		if !is {
			continue
		}
		seen := newScope(w.picture, w.actor.User, w.now)
		seen.policy = put.Policy
		at := slices.IndexFunc(ops, func(other countersign.Change) bool {
			return other.Kind() != countersign.KindPolicyPut && seen.of(other).Approvers
		})
		if at >= 0 {
			return inBatch(w.o, at, countersign.Code(countersign.Refused, "policy_with_its_approvers", "",
				"changes who approves under the policy that the same request puts; ask for one after the other"))
		}
	}
	return nil
}
