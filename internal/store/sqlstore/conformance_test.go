package sqlstore_test

import (
	"testing"

	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/testdb"
)

// The contract, on both engines.
func TestConformance(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { storetest.Run(t, testdb.SQLite) })
	t.Run("postgres", func(t *testing.T) { storetest.Run(t, testdb.Postgres) })
}
