package countersign

// AuthMethod says how an actor proved who he is.
type AuthMethod string

// The authentication methods, as they stand in audit entries.
const (
	ByToken         AuthMethod = "token"
	BySignature     AuthMethod = "signature" // a request signed by a registered key
	ByEnrolmentCode AuthMethod = "enrolment_code"
	// ByAccessToken is a short-lived token, issued for the credential that the
	// actor names (contracts/box.md section 4.2).
	ByAccessToken AuthMethod = "access_token"
	BySetup       AuthMethod = "setup"
	BySystem      AuthMethod = "system"
	// ByRecovery: nobody of the organization, but signatures by its recovery keys.
	ByRecovery AuthMethod = "recovery"
)

// Actor is who is asking, proven by which credential. It is resolved once per
// request; a dialect can neither build nor change one.
type Actor struct {
	Organization OrganizationID
	User         UserID
	Type         UserType
	// ResponsiblePerson is the person who counts as the requester: the user
	// himself for a person, the responsible person of an API user.
	ResponsiblePerson UserID
	Credential        CredentialID
	Method            AuthMethod
	// Subject, when not empty, is the user for whom he acts: he sees what the
	// subject sees and may do what both of them may, but he stays the requester,
	// and votes on nothing.
	Subject UserID
}

// Person returns the person behind the actor.
func (a Actor) Person() UserID { return a.ResponsiblePerson }

// Viewer is through whose eyes the actor sees: the subject's, else his own.
func (a Actor) Viewer() UserID {
	if a.Subject != "" {
		return a.Subject
	}
	return a.User
}
