package sqlstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

func TestCloseLeavesNothingRunning(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		before := goleak.IgnoreCurrent()
		db := open()
		found(t, db, "o")
		if got := users(t, db, "o"); len(got) != 0 {
			t.Errorf("%d users", len(got))
		}
		if err := db.Write(t.Context(), "o", func(tx store.WriteTx) error {
			return tx.PutUser(t.Context(), countersign.User{ID: "u"}, "")
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}
