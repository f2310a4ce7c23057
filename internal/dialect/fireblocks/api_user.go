package fireblocks

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listAPIUsers(c *call) error {
	list, role, err := d.people(c, countersign.APIUser)
	if err != nil {
		return err
	}
	out := usersOut[apiUserOut]{Users: make([]apiUserOut, len(list))}
	for i := range list {
		u := &list[i].User
		out.Users[i] = apiUserOut{
			ID: u.ID, Name: u.Name, Role: role(u), Enabled: enabled(u.State), Status: statusOf(u.State), UserType: "API",
		}
	}
	wire.WriteJSON(c.w, http.StatusOK, out)
	return nil
}

// createAPIUser makes an API user and registers the key of its signing request,
// both in one change: neither is there without the other. The person who answers
// for the caller answers for the new account too.
func (d *Dialect) createAPIUser(c *call) error {
	var in apiUserIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := checkPersonName("name", in.Name); err != nil {
		return err
	}
	role, permissions, err := accountRole(in.Role)
	if err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(in.CSR) == "":
		return countersign.E(countersign.Invalid, "csrPem", "is required: the PEM text of a certificate signing request")
	case !strings.Contains(in.CSR, "CERTIFICATE REQUEST"):
		return countersign.E(countersign.Invalid, "csrPem", "must be a certificate signing request in PEM")
	case in.Signer != "" || in.IsFirst:
		return countersign.E(countersign.Invalid, "coSignerSetupType", "cannot be given: this directory pairs no co-signers")
	}
	account := &countersign.CreateAPIUser{
		Name: in.Name, Role: role, Permissions: permissions, ResponsiblePersonID: c.actor.ResponsiblePerson,
	}
	key := &countersign.CreateCredential{
		UserID: countersign.PrecedingUser, Type: countersign.SigningKey, Label: "signing request", PublicKey: in.CSR,
	}
	return d.mutate(c, mutation{
		plan: func(engine.Present) ([]countersign.Change, error) { return []countersign.Change{account, key}, nil },
		done: nothing(http.StatusOK),
	})
}

func (d *Dialect) whitelist(c *call) error {
	id, err := pathID[countersign.UserID](c, "userId", noSuchUser())
	if err != nil {
		return err
	}
	u, _, err := d.Engine.User(c.ctx, c.actor, id)
	if countersign.KindOf(err) == countersign.NotFound || err == nil && (u.Type != countersign.APIUser || !u.Living()) {
		return noSuchUser()
	}
	if err != nil {
		return err
	}
	out := whitelistOut{UserID: id}
	if len(u.AllowedIPs) > 0 {
		list := make([]string, len(u.AllowedIPs))
		for i, s := range u.AllowedIPs {
			list[i] = address(s)
		}
		out.IPs = &list
	}
	wire.WriteJSON(c.w, http.StatusOK, out)
	return nil
}

// address writes a prefix of a single address without its length.
func address(s string) string {
	if prefix, err := netip.ParsePrefix(s); err == nil && prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return s
}
