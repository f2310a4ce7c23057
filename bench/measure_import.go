package main

import "context"

// importing measures the import command beside a plain bulk insert; nil until
// there is such a command. Whoever builds it assigns it here, in a file of his own
// that knows both sides: 100,000 users, 2,000 groups and 300,000 memberships into
// a running server, and the same rows put straight into tables with the same
// settings, with an aim of at least 0.3.
var importing func(ctx context.Context, s *session) ([]row, error)

func importMeasurements() []measurement {
	return []measurement{{"import", "the import command beside a plain bulk insert of the same rows", nothing, measureImport}}
}

func measureImport(ctx context.Context, s *session) ([]row, error) {
	if importing != nil {
		return importing(ctx, s)
	}
	return []row{{
		Name: "import", Unit: rate, Aim: aim{AtLeast: 0.3}, Ours: "the import command", Beside: "a plain bulk insert, the same settings",
		What:    "100,000 users, 2,000 groups, 300,000 memberships into a running server",
		Skipped: "there is no import command yet",
	}}, nil
}
