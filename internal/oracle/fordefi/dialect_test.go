package fordefi_test

import (
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/server"
)

const profileHeader = "Countersign-Fordefi-Profile"

func (w *world) dialect() server.Dialect {
	return server.Dialect{Name: "fordefi", Paths: fordefi.Paths(), API: fordefi.New(fordefi.Config{Engine: w.engine, Authenticator: w.authn, Now: w.Now})}
}
