package countersign

// AuthMethod says how an actor proved who he is.
type AuthMethod string

// The authentication methods, as they stand in audit entries.
const (
	ByToken         AuthMethod = "token"
	BySignature     AuthMethod = "signature" // a request signed by a registered key
	ByEnrolmentCode AuthMethod = "enrolment_code"
	BySetup         AuthMethod = "setup"
	BySystem        AuthMethod = "system"
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
}

// Person returns the person behind the actor.
func (a Actor) Person() UserID { return a.ResponsiblePerson }
