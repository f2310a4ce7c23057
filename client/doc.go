// Package client is the Go client of the native API of Countersign, for programs
// and for the command line. It imports nothing else of the project, so it can be
// copied into another module as it stands.
//
//	c := client.New("https://directory.example", os.Getenv("COUNTERSIGN_TOKEN"))
//	out, err := c.CreateUser(ctx, client.UserInvite{Name: "Grace", Email: "grace@northwind.example", Role: client.RoleTrader},
//		client.Reason("joins the night shift"))
//	switch {
//	case err != nil: // refused, or nobody knows: see Error and UnknownOutcomeError
//	case out.Pending != nil: // waits for approval: out.Pending.ID
//	default: // applied: out.Object, or out.Receipt where it may not be read
//	}
//
// There is one method per operation of the document, under its operationId, so
// that the document, the server's log and a call site use the same word. One file
// per noun holds its objects and its methods. Beside each list method stands an
// iterator that pages it to its end.
//
// What waits for approval is an outcome, not an error: see Outcome. Every error
// that the server answered is an *Error; one that left a write in doubt is an
// *UnknownOutcomeError.
//
// In answers, null is the zero value: an empty string, a zero time. In patches
// absent, null and a value differ: see Optional.
//
// Safety of writes: every write carries an Idempotency-Key, made here unless the
// caller brings one, so that it can be repeated without being carried out twice.
// Only reads and such writes are retried, a few times. Redirects are refused,
// because following one would carry the token elsewhere. Answers are limited in
// size. Tokens and codes are Secret values, which print as [redacted].
package client
