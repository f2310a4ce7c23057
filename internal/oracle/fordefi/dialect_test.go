package fordefi_test

import "github.com/countersign/countersign/internal/server"

func (w *world) dialect() server.Dialect {
	return server.Dialect{Name: "fordefi", Paths: nil, API: nil}
}

const profileHeader = "X-Profile"
