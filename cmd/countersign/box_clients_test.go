package main

import "testing"

// TestThePublishedBoxClientsWorkUnchanged starts a demo with and without approvals
// and lets two majors of the client, which know nothing but its credentials file,
// walk through what they can do. What they saw is a table of the document; -update
// writes it there.
func TestThePublishedBoxClientsWorkUnchanged(t *testing.T) {
	t.Parallel()
	drivePublishedClients(t, publishedClients(t, "box"), "../../docs/dialects/box.md")
}
