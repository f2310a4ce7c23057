package access

import "github.com/countersign/countersign"

// Emergency says whether the actor may do a change at once that policy lets wait
// for others: people alone, for themselves, with a token of their own and the
// permission for that kind of emergency, whatever else they hold (governance.md
// B.7, S3).
func Emergency(actor countersign.Actor, holds Holder, kind countersign.ChangeKind) error {
	if actor.Subject != "" {
		return ForSomebodyElse()
	}
	if actor.Type != countersign.Person || actor.Method != countersign.ByToken {
		return countersign.Code(countersign.Forbidden, "not_a_person", "", "only people act in an emergency, with a token of their own")
	}
	need, ok := countersign.EmergencyPermission(kind)
	if !ok {
		return countersign.E(countersign.Forbidden, "", "this kind of change cannot be done as an emergency")
	}
	return Require(holds, need)
}
