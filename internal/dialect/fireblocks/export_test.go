package fireblocks

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// BearerForBenchmarks serves the same handlers to who shows a token instead of
// signing: what it takes less is what signatures cost.
func BearerForBenchmarks(c Config, actorOf func(*http.Request) (countersign.Actor, error)) *Dialect {
	d := &Dialect{Config: c, mux: wire.NewMux(writeError)}
	bearer := func(h handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, err := actorOf(r)
			if err == nil {
				err = d.carryOut(&call{ctx: r.Context(), w: w, r: r, actor: actor}, administrators, h)
			}
			if err != nil {
				writeError(w, r, err)
			}
		})
	}
	const groups = base + "/management/user_groups"
	d.mux.Handle(
		wire.Route{Method: "GET", Pattern: groups + "/{groupId}", Name: "getUserGroup", Handler: bearer(d.getGroup)},
		wire.Route{Method: "POST", Pattern: groups, Name: "createUserGroup", Handler: bearer(d.createGroup)},
	)
	return d
}
