package store

import (
	"context"
	"time"

	"github.com/countersign/countersign"
)

// EmergencyReads are the reads of emergency acts. The state of an act is that of
// its ratification as stored.
type EmergencyReads interface {
	// Emergency gives one act by its change; else NotFound.
	Emergency(ctx context.Context, id countersign.ChangeID) (countersign.Emergency, error)
	// Emergencies lists acts newest first: ids below before ("" for the newest),
	// at most limit; those that nobody ratified alone, or all.
	Emergencies(ctx context.Context, unratified bool, before countersign.ChangeID, limit int) ([]countersign.Emergency, error)
	// CountEmergencies counts the acts: all, and those that nobody ratified.
	CountEmergencies(ctx context.Context) (all, unratified int, err error)
	// EmergenciesOf counts the acts of one person after a moment.
	EmergenciesOf(ctx context.Context, person countersign.UserID, after time.Time) (int, error)
}

// EmergencyWrites record emergency acts.
type EmergencyWrites interface {
	// PutEmergency records an act; its state is ignored. A second time gives
	// Exists with Code "emergency_exists".
	PutEmergency(ctx context.Context, e countersign.Emergency) error
}
