package countersign

import "time"

// Limits of the model, in one place. Limits of a wire stand in internal/wire.
const (
	// MaxOperations in one batch: an approver can still read a hundred lines.
	MaxOperations = 100
	// MaxPermissions in one list; ten times the largest catalogue we know.
	MaxPermissions = 1000
	// MaxMembersPerOperation bounds a replaced member list; with 36-byte ids it
	// just fits the 8 MB body limit for such requests.
	MaxMembersPerOperation = 200_000
	// MaxNameLength, in bytes after normalization, of users and groups.
	MaxNameLength = 255
	// MaxDescriptionLength bounds a description, in bytes.
	MaxDescriptionLength = 1000
	// MaxEmailLength is that of RFC 5321.
	MaxEmailLength = 254
	// MaxExternalIDLength bounds ids that come from other systems, in bytes.
	MaxExternalIDLength = 255
	// MaxReasonLength bounds a reason or comment, in bytes.
	MaxReasonLength = 2000
	// MaxAllowedIPs bounds the address list of an API user.
	MaxAllowedIPs = 100
	// MaxPublicKeyLength bounds a PEM public key or signing request, in bytes.
	MaxPublicKeyLength = 16 << 10
	// MaxRules bounds a policy.
	MaxRules = 100
	// MaxOpenPerRequester and MaxOpenPerOrganization keep approvers from being
	// worn down by a flood of requests (governance.md B.8).
	MaxOpenPerRequester    = 20
	MaxOpenPerOrganization = 200
	// MaxCredentialsPerUser bounds the living credentials of one user.
	MaxCredentialsPerUser = 50
	// MaxEndUserTokens bounds the tokens of one end user that work at one time
	// (contracts/fordefi.md section 3.1). Those that are over do not count: a
	// token a day is what these live on.
	MaxEndUserTokens = 10
	// MaxEmergencies bounds the emergency acts of one person within EmergencyPeriod
	// (governance.md B.7).
	MaxEmergencies = 2
	// MaxImportBatches bounds an import: what opens it fits a body of 1 MB.
	MaxImportBatches = 8000
	// MaxImportRows bounds one batch of an import.
	MaxImportRows = 2000
)

// Lives of things that end by themselves.
const (
	// EnrolmentCodeLife is how long a one-use enrolment code works.
	EnrolmentCodeLife = 24 * time.Hour
	// StatementLife is how long a statement can be signed and sent back.
	StatementLife = 10 * time.Minute
	// IdempotencyLife is how long an answer can be replayed by its key.
	IdempotencyLife = 24 * time.Hour
	// ImportLife is how long the batches of an import are taken, from the moment
	// it was opened or its opening approved.
	ImportLife = 24 * time.Hour
	// EmergencyPeriod is any 24 hours, so that midnight gives nobody two more acts.
	EmergencyPeriod = 24 * time.Hour
	// RatificationLife is how long others can ratify an emergency act.
	RatificationLife = 24 * time.Hour
	// DefaultRequestLife is how long a change request stays open unless its
	// policy rule says otherwise.
	DefaultRequestLife = 7 * 24 * time.Hour
	// MinRequestLife is the shortest a rule may leave a request open.
	MinRequestLife = time.Minute
	// MaxRequestLife is the longest a rule may leave a request open.
	MaxRequestLife = 90 * 24 * time.Hour
	// MaxRequestDelay is the longest an approved request may be made to wait.
	MaxRequestDelay = 30 * 24 * time.Hour
	// DefaultTokenLife and MaxTokenLife bound tokens; ten years is what the
	// Fordefi contract shows (contracts/fordefi.md section 4).
	DefaultTokenLife = 365 * 24 * time.Hour
	MaxTokenLife     = 3650 * 24 * time.Hour
)
