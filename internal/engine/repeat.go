package engine

import (
	"bytes"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

// repeated finds the open request by which the actor has asked for the same
// operations already; nil when there is none, or when the caller did not ask for
// it (Options.Repeats). It is asked before a request is stored, under the lock, so
// of any number of equal requests at once one is stored and the others find it.
func (w *work) repeated(ops []countersign.Change) (*countersign.ChangeRequest, error) {
	if !w.o.Repeats {
		return nil, nil //nolint:nilnil // each time is another request
	}
	wanted, err := asAsked(ops)
	if err != nil {
		return nil, err
	}
	for _, request := range w.picture.OpenChanges(w.now) {
		if request.Requester != w.actor.User || len(request.Operations) != len(ops) {
			continue
		}
		asked, err := asAsked(request.Operations)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(asked, wanted) {
			return &request, nil
		}
	}
	return nil, nil //nolint:nilnil // it is new
}

// asAsked is the canonical form of operations without the ids and numbers that
// the directory allots anew each time.
func asAsked(ops []countersign.Change) ([]byte, error) {
	var all []byte
	for _, op := range ops {
		encoded, err := canon.EncodeChange(withoutAllotted(op))
		if err != nil {
			return nil, err
		}
		all = append(append(all, encoded...), '\n')
	}
	return all, nil
}

// withoutAllotted is the counterpart of refuseAllotted: the operation as somebody
// could have given it.
func withoutAllotted(op countersign.Change) countersign.Change {
	given := clone(op)
	switch c := given.(type) {
	case *countersign.InvitePerson:
		c.UserID, c.Number, c.Memberships = "", 0, nil
	case *countersign.CreateAPIUser:
		c.UserID, c.Number, c.Memberships = "", 0, nil
	case *countersign.CreateAPISigner:
		c.UserID, c.Number = "", 0
	case *countersign.CreateEndUser:
		c.UserID, c.Number = "", 0
	case *countersign.CreateGroup:
		c.GroupID, c.Number, c.Memberships = "", 0, nil
	case *countersign.ReplaceMembers:
		c.Memberships = nil
	case *countersign.AddMembership:
		c.MembershipID, c.Number = "", 0
	case *countersign.MakeOnboardingCode:
		c.CredentialID = ""
	case *countersign.IssueEnrolmentCode:
		c.CredentialID = ""
	case *countersign.CreateCredential:
		c.CredentialID, c.ClientID = "", ""
	case *countersign.ActivateUser:
		c.CredentialID = ""
	case *countersign.RedeemCode:
		c.CredentialID = ""
	case *countersign.OpenImport:
		c.ImportID = ""
	}
	return given
}
