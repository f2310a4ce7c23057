package engine

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/statement"
)

// votedWith reports whether somebody's last word on a request was given with a
// credential, or signed with it (governance.md B.8, the compromise report). What was
// decided after its revocation was decided without that vote.
func (v view) votedWith(request countersign.ChangeRequest, id countersign.CredentialID) bool {
	switch request.StateAt(v.now) {
	case countersign.ChangeCancelled, countersign.ChangeExpired, countersign.ChangeStale:
		return false // no vote has decided it
	default:
	}
	credential, known := v.picture.Credential(id)
	revoked := known && credential.State == countersign.CredentialRevoked
	if revoked && !request.State.Open() && credential.Version < request.Version {
		return false
	}
	for _, a := range request.Approvals {
		if a.Credential != id && statement.Key(a.Statement) != id {
			continue
		}
		if last, _ := lastVote(request.Approvals, a.Person); last.Position == a.Position && a.Decision != countersign.Withdraw {
			return true
		}
	}
	return false
}
